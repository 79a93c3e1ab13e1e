-- ------------------------------------------------------------------------------------------------------- dead letters
-- Nothing further down uses what is in here.
do
local REPLAY_OPTIONS = {
    band = ALONE.band, kind = ALONE.kind, delay_ms = ALONE.delay_ms,
    payload = {ok = function(v) return type(v) == 'string' and #v >= 1 and #v <= PAYLOAD_MAX end,
        allowed = 'a text of 1 to 16777216 bytes'},
    guard = {ok = function(v) return whole_number(v, 0, 1000000) end, allowed = 'a whole number from 0 to 1000000'},
}

local function replay_options(json)
    local options = json == '' and {} or decode_object(json)
    if not options then
        badarg('options', 'a JSON object or ""')
    end
    for name, value in pairs(options) do
        local rule = REPLAY_OPTIONS[name]
        if not rule then
            badarg('options', utf8_only(string.sub(tostring(name), 1, 64)) ..
                ' is unknown; allowed: band, kind, payload, delay_ms, guard')
        elseif not rule.ok(value) then
            badarg('options', name .. ' must be ' .. rule.allowed)
        end
    end
    return options
end

-- Takes a dead letter out of its indexes; the hash stays.
local function exhume(K, id)
    local h = redis.call('HMGET', hash(K, id), 'fp', 'cause')
    redis.call('ZREM', K .. ':dead', id)
    redis.call('ZREM', K .. ':fp', (h[1] or '') .. ':' .. id)
    if h[2] and redis.call('HINCRBY', K .. ':ledger', 'dead:' .. h[2], -1) <= 0 then
        redis.call('HDEL', K .. ':ledger', 'dead:' .. h[2])
    end
end

-- A replay starts afresh: a deadline that passed while the job was dead is not held against it.
local function without_expiry(job)
    local options = job[OPTIONS] ~= '' and decode_object(job[OPTIONS])
    if options and options.expires_at_ms then
        options.expires_at_ms = nil
        job[OPTIONS] = next(options) and cjson.encode(options) or ''
        job.expires = nil
    end
end

local function replay_one(K, now, id, options)
    if not redis.call('ZSCORE', K .. ':dead', id) then
        return 'notfound'
    end
    local job = load(K, id)
    if not job then
        return 'notfound'
    end
    if job[REPLAYS] >= (options.guard or 5) then
        return 'guard'
    end
    exhume(K, id)
    local key = hash(K, id)
    redis.call('HDEL', key, 'fp', 'cause', 'died', 'cancel', 'o')
    if options.payload then -- the payload that failed stays beside the edited one
        redis.call('HSETNX', key, 'payload_before', redis.call('HGET', key, 'payload') or '')
        redis.call('HSET', key, 'payload', options.payload, 'b', '1')
        job.in_hash = true
    end
    without_expiry(job)
    job[BAND], job[KIND] = options.band or job[BAND], options.kind or job[KIND]
    job.home = job[BAND] == LANE and job.home or nil
    job[ATTEMPTS], job[CRASHES], job[SUSPECT], job[REPLAYS], job.strikes = 0, 0, 0, job[REPLAYS] + 1, nil
    ready_or_scheduled(K, now, job, job[EPOCH] - 1, options.delay_ms or 0)
    bump(K, 'replayed', 1)
    event(K, 'replay', 'id', id, 'kind', job[KIND])
    return 'ready'
end

local function stint_replay(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, options JSON, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    local options = replay_options(args[2])
    local now, replies, count = clock(), {}, 0
    for i = 3, #args do
        id_arg(args[i])
    end
    for i = 3, #args do
        replies[#replies + 1] = replay_one(K, now, args[i], options)
        count = count + (replies[#replies] == 'ready' and 1 or 0)
    end
    if count > 0 then
        audit(K, 'replay', args[1], '', 'count', count, 'first', args[3], 'last', args[#args])
    end
    return replies
end

local function stint_purge(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, reason, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    text(args[2], 'reason', 1024)
    for i = 3, #args do
        id_arg(args[i])
    end
    local count = 0
    for i = 3, #args do
        local id = args[i]
        if redis.call('ZSCORE', K .. ':dead', id) then
            local job = load(K, id)
            if job then
                release_unique(K, job)
            end
            exhume(K, id)
            redis.call('UNLINK', hash(K, id))
            bump(K, 'purged', 1)
            count = count + 1
        end
    end
    if count > 0 then
        audit(K, 'purge', args[1], args[2], 'count', count, 'first', args[3], 'last', args[#args])
    end
    return count
end

register('stint_replay', guarded(stint_replay), NEEDS_MEMORY)
register('stint_purge', guarded(stint_purge), WORKS_AT_OOM)
end

