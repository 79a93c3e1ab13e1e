-- ------------------------------------------------------------------------------------------------------- dead letters
-- Used further down: REPLAY_OPTIONS, LETTER_FIELDS, replay_options, replay_one, bump_all, inter, exhume, payload_token.
local REPLAY_OPTIONS, LETTER_FIELDS, replay_options, replay_one, bump_all, inter, exhume, payload_token
do
REPLAY_OPTIONS = {
    band = ALONE.band, kind = ALONE.kind, delay_ms = ALONE.delay_ms,
    payload = {ok = function(v) return type(v) == 'string' and #v >= 1 and #v <= PAYLOAD_MAX end,
        allowed = 'a text of 1 to 16777216 bytes'},
    guard = {ok = function(v) return whole_number(v, 0, 1000000) end, allowed = 'a whole number from 0 to 1000000'},
}

-- The options object, each member held against its rule in `rules`.
function replay_options(json, rules, names)
    local options = json == '' and {} or decode_object(json)
    if not options then
        badarg('options', 'a JSON object or ""')
    end
    for name, value in pairs(options) do
        local rule = rules[name]
        if not rule then
            badarg('options', utf8_only(string.sub(tostring(name), 1, 64)) .. ' is unknown; allowed: ' .. names)
        elseif not rule.ok(value) then
            badarg('options', name .. ' must be ' .. rule.allowed)
        end
    end
    return options
end

-- Takes a dead letter out of its indexes; the hash stays. False when it is none. tally: ledger field -> change, for
-- bump_all at the end of the call. bytes: field `bytes` when the caller has read it, and removes it.
function exhume(K, id, fp, cause, tally, bytes)
    if redis.call('ZREM', K .. ':dead', id) == 0 then
        return false
    end
    redis.call('ZREM', K .. ':fp', (fp or '') .. ':' .. id)
    if cause then
        tally['dead:' .. cause] = (tally['dead:' .. cause] or 0) - 1
    end
    if bytes == nil then
        bytes = redis.call('HGET', hash(K, id), 'bytes')
        redis.call('HDEL', hash(K, id), 'bytes')
    end
    if bytes then
        tally.dead_bytes = (tally.dead_bytes or 0) - bytes
    end
    return true
end

-- Puts a letter whose hash is written back into its indexes.
function inter(K, id, died, fp, cause, tally)
    redis.call('ZADD', K .. ':dead', died, id)
    redis.call('ZADD', K .. ':fp', 0, fp .. ':' .. id)
    if cause then
        tally['dead:' .. cause] = (tally['dead:' .. cause] or 0) + 1
    end
    tally.dead_bytes = (tally.dead_bytes or 0) + weigh(K, id)
end

-- One write a counter, however many jobs of the call changed it. A count of dead letters that came to nothing is removed.
function bump_all(K, tally)
    for field, n in pairs(tally) do
        if redis.call('HINCRBY', K .. ':ledger', field, n) <= 0 and string.sub(field, 1, 5) == 'dead:' then
            redis.call('HDEL', K .. ':ledger', field)
        end
    end
end

-- What a change of a dead letter's payload is compared with: it differs after every death and every edit.
function payload_token(died, edits)
    return (died or '') .. ':' .. (edits or '0')
end

-- The job's dedup key, taken again for as long as an enqueue would; false while another job holds it.
local function take_unique(K, id, options)
    local key = K .. ':u:' .. options.unique
    local holder = redis.call('GET', key)
    if holder and holder ~= id then
        return false
    end
    redis.call('SET', key, id, 'PX', string.format('%.0f', options.unique_ms or UNIQUE_MS))
    return true
end

local function edit_payload(K, id, payload, before)
    local key = hash(K, id)
    redis.call('HSETNX', key, 'payload_before', before) -- the payload that failed first stays beside the edited one
    redis.call('HSET', key, 'payload', payload, 'b', '1')
    redis.call('HINCRBY', key, 'edits', 1)
end

-- What is read of a letter: LOADED, then what only a dead one has. Field `was` keeps most of it.
LETTER_FIELDS = {'kind', 'band', 'n', 'o', 'b', 'errs', 'cancel', 'state', 'x', 'run', 'home', 'fp', 'cause', 'died', 'edits',
    'due', 'bytes'}
local FP, CAUSE, DIED, EDITS, BYTES = 12, 13, 14, 15, 17
local UNCHANGED = {b = true, errs = true, run = true, bytes = true}

-- The letter as it is, for field `was` of its hash. An edited payload is kept beside it.
local function remember_letter(K, id, h, unique_until, edited)
    local key, was = hash(K, id), {unique_until = unique_until}
    for i, name in ipairs(LETTER_FIELDS) do
        was[name] = not UNCHANGED[name] and h[i] or nil
    end
    if edited then
        was.had_before = redis.call('HEXISTS', key, 'payload_before')
        redis.call('HSET', key, 'was_payload', redis.call('HGET', key, 'payload') or '')
    end
    return cjson.encode(was)
end

-- One letter's replay, as a part of `run` when there is one; options.payload edits it, provided that it is the letter of
-- options.token. Answers 'ready' and its kind, or why it stays dead: 'notfound', 'guard' (replayed too often), 'unique'
-- (another job holds its dedup key), 'changed'.
function replay_one(K, now, id, options, run, tally)
    local key = hash(K, id)
    local h = redis.call('HMGET', key, unpack(LETTER_FIELDS))
    local job = job_of(id, h)
    if not job or job.state ~= 'dead' then
        return 'notfound'
    end
    if job[REPLAYS] >= (options.guard or 5) then
        return 'guard'
    end
    if options.token and options.token ~= payload_token(h[DIED], h[EDITS]) then
        return 'changed'
    end
    if not redis.call('ZSCORE', K .. ':dead', id) then -- before the unique key is taken: nothing would give it back
        return 'notfound'
    end
    local carried = job[OPTIONS] ~= '' and decode_object(job[OPTIONS]) or {}
    local unique = type(carried.unique) == 'string' and carried.unique
    local unique_until = run and unique and redis.call('PEXPIRETIME', K .. ':u:' .. unique) or nil
    if unique and not take_unique(K, id, carried) then
        return 'unique'
    end
    exhume(K, id, h[FP], h[CAUSE], tally, h[BYTES])
    redis.call('HDEL', key, 'fp', 'cause', 'died', 'cancel', 'o', 'bytes')
    job.run = run
    job.stamp = run and remember_letter(K, id, h, unique_until, options.payload)
    if options.payload then
        edit_payload(K, id, options.payload, redis.call('HGET', key, 'payload') or '')
        job.in_hash = true
    end
    if carried.expires_at_ms then -- a deadline that passed while the job was dead is not held against it
        carried.expires_at_ms = nil
        job[OPTIONS] = next(carried) and cjson.encode(carried) or ''
        job.expires = nil
    end
    job[BAND], job[KIND] = options.band or job[BAND], options.kind or job[KIND]
    job.home = job[BAND] == LANE and job.home or nil
    job[ATTEMPTS], job[CRASHES], job[SUSPECT], job[REPLAYS], job.strikes = 0, 0, 0, job[REPLAYS] + 1, nil
    ready_or_scheduled(K, now, job, job[EPOCH] - 1, options.delay_ms or 0)
    tally.replayed = (tally.replayed or 0) + 1
    return 'ready', job[KIND]
end

local function stint_replay(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, options JSON, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    local options = replay_options(args[2], REPLAY_OPTIONS, 'band, kind, payload, delay_ms, guard')
    local now, replies, tally = clock(), {}, {}
    for i = 3, #args do
        id_arg(args[i])
    end
    for i = 3, #args do
        local outcome, kind = replay_one(K, now, args[i], options, nil, tally)
        replies[#replies + 1] = outcome
        if outcome == 'ready' then
            event(K, 'replay', 'id', args[i], 'kind', kind)
        end
    end
    bump_all(K, tally)
    if tally.replayed then
        audit(K, 'replay', args[1], '', 'count', tally.replayed, 'first', args[3], 'last', args[#args])
    end
    return replies
end

local function stint_edit(K, args)
    count_args(args, 5, 5, 'id, token, payload, actor, reason')
    local id, token, payload = id_arg(args[1]), text(args[2], 'token', 64), args[3]
    text(args[4], 'actor', 128)
    text(args[5], 'reason', 1024)
    if #payload < 1 or #payload > PAYLOAD_MAX then
        badarg('payload', '1 to 16777216 bytes')
    end
    if not redis.call('ZSCORE', K .. ':dead', id) then
        error({stint = 'STINT_NOTFOUND ' .. id .. ' is no dead letter'}, 0)
    end
    local h = redis.call('HMGET', hash(K, id), 'died', 'edits', 'payload')
    local is = payload_token(h[1], h[2])
    if token ~= is then
        error({stint = 'STINT_REFUSED dead letter ' .. id .. ' was changed by somebody else meanwhile (it is at ' .. is ..
            ', the edit began at ' .. utf8_only(token) .. '): look at it and edit it again'}, 0)
    end
    edit_payload(K, id, payload, h[3] or '')
    audit(K, 'edit', args[4], args[5], 'id', id, 'bytes_before', #(h[3] or ''), 'bytes', #payload)
    return payload_token(h[1], tostring(tonumber(h[2] or 0) + 1))
end

local function stint_purge(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, reason, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    text(args[2], 'reason', 1024)
    for i = 3, #args do
        id_arg(args[i])
    end
    local count, tally = 0, {}
    for i = 3, #args do
        local id = args[i]
        if redis.call('ZSCORE', K .. ':dead', id) then
            local job = load(K, id)
            if job then
                release_unique(K, job)
            end
            local h = redis.call('HMGET', hash(K, id), 'fp', 'cause')
            exhume(K, id, h[1], h[2], tally)
            redis.call('UNLINK', hash(K, id))
            count = count + 1
        end
    end
    tally.purged = count > 0 and count or nil
    bump_all(K, tally)
    if count > 0 then
        audit(K, 'purge', args[1], args[2], 'count', count, 'first', args[3], 'last', args[#args])
    end
    return count
end

register('stint_replay', guarded(stint_replay), NEEDS_MEMORY)
register('stint_edit', guarded(stint_edit), NEEDS_MEMORY)
register('stint_purge', guarded(stint_purge), WORKS_AT_OOM)
end

