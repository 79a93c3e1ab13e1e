-- -------------------------------------------------------------------------------------------------------- replay runs
-- A replay that has a name: what was asked for, how far it is, what became of it. K:replay:<run> is a hash; beside it
-- lie `:left` (zset, the letters still to be replayed, in order), `:moved` (list, those that were, for an undo), `:held`
-- and `:started` (lists, bounded: those left alone and why, those an undo came too late for). A step moves its jobs and
-- the run's position in one call: whoever drives a run may die anywhere, and no letter is replayed twice or skipped.
-- Nothing further down uses what is in here.
do
local RUNS_MAX, SELECTED_MAX, HELD_MAX, STARTED_MAX = 1000, 1000000, 1000, 10000
local OPEN_MS, KEPT_MS = 2592000000, 604800000 -- a run nobody goes on with; a run that ended
local SAMPLE_MIN = 20                          -- stop_at judges no fewer ends than this
local PARTS = {'', ':left', ':moved', ':held', ':started'}
local IS_OPEN = {selecting = true, running = true, paused = true, stopped = true, undoing = true}

local function rule(least, most)
    return {ok = function(v) return type(v) == 'number' and v >= least and v <= most and v == v end,
        allowed = 'a number from ' .. least .. ' to ' .. most}
end
local function whole_rule(least, most)
    return {ok = function(v) return whole_number(v, least, most) end,
        allowed = 'a whole number from ' .. least .. ' to ' .. most}
end
local RUN_OPTIONS = {
    band = REPLAY_OPTIONS.band, kind = REPLAY_OPTIONS.kind, delay_ms = REPLAY_OPTIONS.delay_ms,
    guard = REPLAY_OPTIONS.guard, max = whole_rule(1, SELECTED_MAX), rate = rule(0, 1000000),
    canary = whole_rule(0, 100000), canary_failures = whole_rule(0, 100000), stop_at = rule(0, 100),
    edit = {ok = function(v) return type(v) == 'string' and #v <= 65536 end, allowed = 'a text of at most 65536 bytes'},
}

local function refuse(why)
    error({stint = 'STINT_REFUSED ' .. why}, 0)
end

local function run_arg(s)
    if type(s) ~= 'string' or #s < 1 or #s > 40 or not string.find(s, '^[%w._%-]+$') then
        badarg('run', '1 to 40 of [A-Za-z0-9._-]')
    end
    return s
end

local function run_key(K, run)
    return K .. ':replay:' .. run
end

local function read_run(K, run)
    local raw, r = redis.call('HGETALL', run_key(K, run)), {}
    for i = 1, #raw, 2 do
        r[raw[i]] = raw[i + 1]
    end
    if not r.state then
        error({stint = 'STINT_NOTFOUND no replay run ' .. run .. ' in this queue; a run is kept for 7 days after its end'},
            0)
    end
    return r
end

local function number_of(r, name)
    return tonumber(r[name] or 0) or 0
end

local function expire_parts(K, run, ms)
    for _, part in ipairs(PARTS) do
        redis.call('PEXPIRE', run_key(K, run) .. part, ms)
    end
end

-- The run's numbers for the audit log.
local function audit_run(K, run, r, action, actor, reason, ...)
    audit(K, action, actor, reason, 'run', run, 'selected', number_of(r, 'selected'), 'replayed', number_of(r, 'replayed'),
        'succeeded', number_of(r, 'succeeded'), 'failed', number_of(r, 'failed'), ...)
end

local function set_state(K, run, r, now, state, why)
    r.state, r.why = state, why
    redis.call('HSET', run_key(K, run), 'state', state, 'why', why, 'changed', string.format('%.0f', now))
    if not IS_OPEN[state] then
        redis.call('UNLINK', run_key(K, run) .. ':left')
    end
    expire_parts(K, run, IS_OPEN[state] and OPEN_MS or KEPT_MS)
end

-- The run as JSON; `more` are members of this one answer.
local COUNTS = {'selected', 'replayed', 'guarded', 'gone', 'unique', 'changed_letters', 'not_json', 'undone', 'started',
    'succeeded', 'failed', 'dropped', 'canary', 'canary_failures'}
local function status_json(K, run, r, more)
    local out = {run = run, state = r.state, why = r.why or '', driver = r.driver or '',
        left = redis.call('ZCARD', run_key(K, run) .. ':left'), rate = number_of(r, 'rate'),
        phase = number_of(r, 'canary') > 0 and not r.canary_passed and 'canary' or 'bulk'}
    for _, name in ipairs(COUNTS) do
        out[name] = number_of(r, name)
    end
    for name, value in pairs(more or {}) do
        out[name] = value
    end
    return cjson.encode(out)
end

-- Room for one more: runs that expired are forgotten, then the oldest that ended is removed.
local function make_room(K)
    local index = K .. ':replays'
    for _, old in ipairs(redis.call('ZRANGE', index, 0, 9)) do
        if redis.call('EXISTS', run_key(K, old)) == 0 then
            redis.call('ZREM', index, old)
        end
    end
    if redis.call('ZCARD', index) < RUNS_MAX then
        return
    end
    for _, old in ipairs(redis.call('ZRANGE', index, 0, MOVE_MAX - 1)) do
        if not IS_OPEN[redis.call('HGET', run_key(K, old), 'state') or ''] then
            for _, part in ipairs(PARTS) do
                redis.call('UNLINK', run_key(K, old) .. part)
            end
            redis.call('ZREM', index, old)
            return
        end
    end
    refuse(RUNS_MAX .. ' replay runs are kept and the oldest are still open: cancel some ("stint dlq replay list")')
end

local function stint_replay_open(K, args)
    count_args(args, 6, 6, 'run, actor, reason, options JSON, filter, driver')
    local run, actor, reason = run_arg(args[1]), text(args[2], 'actor', 128), text(args[3], 'reason', 1024)
    local options = replay_options(text(args[4], 'options', 131072), RUN_OPTIONS,
        'band, kind, delay_ms, guard, max, rate, canary, canary_failures, stop_at, edit')
    local filter, driver, key = text(args[5], 'filter', 16384), text(args[6], 'driver', 160), run_key(K, run)
    if redis.call('EXISTS', key) == 1 then
        refuse('a replay run ' .. run .. ' exists; go on with it, or choose another name')
    end
    make_room(K)
    local now = clock()
    local set = {'state', 'selecting', 'why', '', 'actor', actor, 'reason', reason, 'filter', filter, 'driver', driver,
        'created', string.format('%.0f', now), 'driven', string.format('%.0f', now)}
    for name, value in pairs(options) do
        set[#set + 1], set[#set + 2] = name, tostring(value)
    end
    redis.call('HSET', key, unpack(set))
    redis.call('PEXPIRE', key, OPEN_MS)
    redis.call('ZADD', K .. ':replays', string.format('%.0f', now), run)
    return string.format('%.0f', now)
end

-- The run, when its state is one of `states` and this driver has it.
local function driven_run(K, run, driver, states)
    local r = read_run(K, run)
    if r.driver ~= driver then
        refuse('replay run ' .. run .. ' was taken over by ' .. utf8_only(r.driver or 'nobody'))
    end
    if not states[r.state] then
        refuse('replay run ' .. run .. ' is ' .. r.state)
    end
    return r
end

local function stint_replay_select(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'run, driver, then 1 to 100 ids')
    local run, key = run_arg(args[1]), run_key(K, args[1])
    driven_run(K, run, text(args[2], 'driver', 160), {selecting = true})
    local count, add = redis.call('ZCARD', key .. ':left'), {}
    if count + #args - 2 > SELECTED_MAX then
        refuse('a replay run holds at most ' .. SELECTED_MAX .. ' dead letters: narrow the filter, or say --max')
    end
    for i = 3, #args do
        add[#add + 1], add[#add + 2] = count + i - 2, id_arg(args[i])
    end
    redis.call('ZADD', key .. ':left', 'NX', unpack(add))
    redis.call('PEXPIRE', key .. ':left', OPEN_MS)
    return redis.call('ZCARD', key .. ':left')
end

local function stint_replay_begin(K, args)
    count_args(args, 2, 2, 'run, driver')
    local run = run_arg(args[1])
    local r, now = driven_run(K, run, text(args[2], 'driver', 160), {selecting = true}), clock()
    r.selected = redis.call('ZCARD', run_key(K, run) .. ':left')
    redis.call('HSET', run_key(K, run), 'selected', r.selected, 'began', string.format('%.0f', now))
    audit(K, 'replay', r.actor, r.reason, 'run', run, 'filter', r.filter, 'selected', r.selected, 'edit', r.edit or '')
    set_state(K, run, r, now, r.selected > 0 and 'running' or 'done', '')
    return status_json(K, run, r)
end

-- Whether the ends of the replayed jobs so far let the run go on. Ends before an operator's resume are forgiven.
local function judge(K, run, r, now)
    local failed = number_of(r, 'failed') - number_of(r, 'forgiven_failed')
    local ended = failed + number_of(r, 'succeeded') - number_of(r, 'forgiven_succeeded')
    local canary, stop = number_of(r, 'canary'), nil
    if canary > 0 and not r.canary_passed then
        local allowed, moved = number_of(r, 'canary_failures'), number_of(r, 'replayed')
        local over = moved >= canary or redis.call('ZCARD', run_key(K, run) .. ':left') == 0
        if failed > allowed then
            stop = string.format('canary: %d of %d died again, allowed %d', failed, moved, allowed)
        elseif over and number_of(r, 'failed') + number_of(r, 'succeeded') + number_of(r, 'dropped') >= moved then
            r.canary_passed = '1'
            redis.call('HSET', run_key(K, run), 'canary_passed', '1')
        end
    elseif r.stop_at and ended >= SAMPLE_MIN and failed * 100 > number_of(r, 'stop_at') * ended then
        stop = string.format('%d of %d died again, allowed %s %%', failed, ended, r.stop_at)
    end
    if stop then
        set_state(K, run, r, now, 'stopped', stop)
        audit_run(K, run, r, 'replay-stopped', 'stint', stop)
    end
end

-- How many may be moved now, ms from one to the next, and when the last was due (a GCRA, burst a tenth of a second).
local function allowance(r, precise, most)
    local canary, rate = number_of(r, 'canary'), number_of(r, 'rate')
    if canary > 0 and not r.canary_passed then
        most = math.min(most, canary - number_of(r, 'replayed'))
    end
    if rate <= 0 or most <= 0 then
        return most, 0, 0
    end
    local every = 1000 / rate
    local tat = math.max(number_of(r, 'tat'), precise - math.max(every, 100))
    return math.min(most, math.floor((precise - tat) / every + 1e-6)), every, tat
end

local OUTCOME_FIELD = {ready = 'replayed', notfound = 'gone', guard = 'guarded', unique = 'unique',
    changed = 'changed_letters', not_json = 'not_json'}

-- Replays the next `n` letters. edits: id, token, payload of each when the run edits them.
local function move_letters(K, run, r, now, n, edits)
    local key, counts, moved, held, tally = run_key(K, run), {}, {}, {}, {}
    local popped = redis.call('ZPOPMIN', key .. ':left', n)
    local options = {band = r.band, kind = r.kind, delay_ms = number_of(r, 'delay_ms'),
        guard = r.guard and number_of(r, 'guard')}
    for i = 1, #popped, 2 do
        local id, outcome = popped[i], nil
        local at = (i - 1) / 2 * 3
        options.token, options.payload = edits[at + 2], edits[at + 3]
        if options.payload == '' then
            outcome = 'not_json'
        else
            outcome = replay_one(K, now, id, options, run, tally)
        end
        local field = OUTCOME_FIELD[outcome]
        counts[field] = (counts[field] or 0) + 1
        if outcome == 'ready' then
            moved[#moved + 1] = id
        else
            held[#held + 1] = outcome .. ' ' .. id
        end
    end
    for field, count in pairs(counts) do
        r[field] = redis.call('HINCRBY', key, field, count)
    end
    bump_all(K, tally)
    if #moved > 0 then
        redis.call('RPUSH', key .. ':moved', unpack(moved))
        event(K, 'replay', 'run', run, 'count', #moved)
    end
    if #held > 0 and redis.call('LLEN', key .. ':held') < HELD_MAX then
        redis.call('RPUSH', key .. ':held', unpack(held))
    end
    return #moved
end

-- The given edits must be those of the next letters, checked before anything is written.
local function check_edits(K, run, edits, n)
    local next_ids = n > 0 and redis.call('ZRANGE', run_key(K, run) .. ':left', 0, n - 1) or {}
    for i, id in ipairs(next_ids) do
        if edits[3 * i - 2] ~= id then
            refuse('the edits are not those of the next letters of run ' .. run .. ' (' .. id .. ' is next)')
        end
    end
end

local function stint_replay_step(K, args)
    count_args(args, 3, 3 + 3 * MOVE_MAX, 'run, driver, max, then id, token, payload of each when the run edits them')
    local run, most = run_arg(args[1]), whole(args[3], 'max', 1, MOVE_MAX)
    local r = driven_run(K, run, text(args[2], 'driver', 160), {running = true, paused = true, stopped = true,
        cancelled = true, done = true, undoing = true, undone = true})
    local now, precise = clock()
    local moved, wait, key = 0, 0, run_key(K, run)
    if r.state == 'running' then
        judge(K, run, r, now)
    end
    if r.state == 'running' then
        local edits = {}
        for i = 4, #args do
            edits[#edits + 1] = args[i]
        end
        if (#edits > 0 and not r.edit) or #edits % 3 ~= 0 then
            badarg('ARGV', 'id, token, payload of each letter, only when the run edits them')
        end
        local every, tat
        most, every, tat = allowance(r, precise, r.edit and math.min(most, #edits / 3) or most)
        if r.edit then
            check_edits(K, run, edits, most)
        end
        if most > 0 then
            moved = move_letters(K, run, r, now, most, edits)
        end
        if every > 0 then
            tat = tat + moved * every
            wait = math.max(0, math.ceil(tat + every - precise))
            redis.call('HSET', key, 'tat', string.format('%.3f', tat))
        end
        redis.call('HSET', key, 'driven', string.format('%.0f', now))
        expire_parts(K, run, OPEN_MS)
        local waits = number_of(r, 'canary') > 0 and not r.canary_passed
        if not waits and redis.call('ZCARD', key .. ':left') == 0 then
            set_state(K, run, r, now, 'done', '')
            audit_run(K, run, r, 'replay-done', r.actor, r.reason, 'guarded', number_of(r, 'guarded'), 'gone',
                number_of(r, 'gone'))
        end
    end
    return status_json(K, run, r, {moved = moved, wait_ms = wait})
end

-- What an operator may tell a run: the states in which it may be told, and what happens.
local CONTROLS = {
    pause = {from = {running = true}, run = function(K, run, r, now)
        set_state(K, run, r, now, 'paused', '')
    end},
    cancel = {from = {selecting = true, running = true, paused = true, stopped = true}, run = function(K, run, r, now)
        set_state(K, run, r, now, 'cancelled', '')
    end},
    resume = {from = {selecting = true, running = true, paused = true, stopped = true},
        run = function(K, run, r, now, value)
        local key = run_key(K, run)
        redis.call('HSET', key, 'driver', value, 'driven', string.format('%.0f', now))
        r.driver = value
        if r.state == 'stopped' then -- somebody looked and goes on: what failed so far is not held against it again
            redis.call('HSET', key, 'canary_passed', '1', 'forgiven_failed', number_of(r, 'failed'), 'forgiven_succeeded',
                number_of(r, 'succeeded'))
            r.canary_passed = '1'
        end
        if r.state ~= 'selecting' then
            set_state(K, run, r, now, 'running', '')
        end
    end},
    rate = {from = {selecting = true, running = true, paused = true, stopped = true}, run = function(K, run, r, _, value)
        local rate = string.find(value, '^%d+%.?%d*$') and #value <= 16 and tonumber(value)
        if not rate or rate > 1000000 then
            badarg('value', 'jobs per second from 0 (no limit) to 1000000')
        end
        r.rate = value
        redis.call('HSET', run_key(K, run), 'rate', value)
        redis.call('HDEL', run_key(K, run), 'tat')
    end},
}

local function stint_replay_control(K, args)
    count_args(args, 5, 5, 'run, what, value, actor, reason')
    local run, what, value = run_arg(args[1]), CONTROLS[args[2]], text(args[3], 'value', 160)
    text(args[4], 'actor', 128)
    text(args[5], 'reason', 1024)
    if not what then
        badarg('what', 'pause, resume, cancel or rate')
    end
    local r, now = read_run(K, run), clock()
    if not what.from[r.state] then
        refuse('replay run ' .. run .. ' is ' .. r.state .. ': nothing to ' .. (args[2] == 'rate' and 'pace' or args[2]))
    end
    what.run(K, run, r, now, value)
    audit_run(K, run, r, 'replay-' .. args[2], args[4], args[5], 'value', args[2] == 'rate' and value or '')
    return status_json(K, run, r)
end

-- Whether nobody has claimed the entry yet: it lies beyond the last the group delivered. delivered: band -> that id.
local function is_unclaimed(K, band, entry, delivered)
    if not delivered[band] then
        local _, last = group_info(K, band)
        delivered[band] = last
    end
    local ms, n = string.match(entry, '^(%d+)%-(%d+)$')
    local last_ms, last_n = string.match(delivered[band], '^(%d+)%-(%d+)$')
    ms, last_ms = tonumber(ms or 0), tonumber(last_ms)
    return ms > last_ms or (ms == last_ms and tonumber(n) > tonumber(last_n))
end

-- Takes a replayed job nobody has claimed out of where it waits. h: run, was, state, band, x, n, kind.
local function take_waiting(K, id, h, was, delivered)
    if string.match(h[6] or '', '^%d+') ~= string.match(was.n or '', '^%d+') then
        return false -- claimed since, and handed back or to be retried
    elseif h[3] == 'scheduled' then
        redis.call('SREM', K .. ':p:' .. (h[7] or ''), id)
        return redis.call('ZREM', K .. ':d', id) == 1
    end
    return h[3] == 'queued' and IS_STREAM[h[4]] and h[5] and is_unclaimed(K, h[4], h[5], delivered) and
        redis.call('XDEL', stream(K, h[4]), h[5]) == 1
end

-- The dedup key as it was before the replay took it.
local function give_unique_back(K, now, id, was)
    local unique = was.unique_until and was.o and (decode_object(was.o) or {}).unique
    local key = K .. ':u:' .. (unique or '')
    if not unique or redis.call('GET', key) ~= id then
        return
    end
    if was.unique_until > now then
        redis.call('PEXPIREAT', key, string.format('%.0f', was.unique_until))
    else
        redis.call('UNLINK', key)
    end
end

-- Puts a replayed job that nobody has claimed yet back among the dead letters, exactly as it was. False when it is too
-- late: it started, ended, or belongs to another run by now.
local function undo_one(K, now, run, id, delivered, tally)
    local key = hash(K, id)
    local h = redis.call('HMGET', key, 'run', 'was', 'state', 'band', 'x', 'n', 'kind', 'was_payload')
    local was = h[1] == run and h[2] and decode_object(h[2])
    if not was or not take_waiting(K, id, h, was, delivered) then
        return false
    end
    local set, drop = {}, {'run', 'was', 'was_payload'}
    for _, name in ipairs(LETTER_FIELDS) do
        if was[name] then
            set[#set + 1], set[#set + 2] = name, was[name]
        elseif name ~= 'b' and name ~= 'errs' then
            drop[#drop + 1] = name
        end
    end
    if h[8] then
        set[#set + 1], set[#set + 2] = 'payload', h[8]
        drop[#drop + 1] = was.had_before == 0 and 'payload_before' or nil
    end
    redis.call('HSET', key, unpack(set))
    redis.call('HDEL', key, unpack(drop))
    give_unique_back(K, now, id, was)
    inter(K, id, was.died or now, was.fp or '', was.cause, tally)
    tally.undone = (tally.undone or 0) + 1
    return true
end

local function stint_replay_undo(K, args)
    count_args(args, 4, 4, 'run, actor, reason, max')
    local run, actor, reason = run_arg(args[1]), text(args[2], 'actor', 128), text(args[3], 'reason', 1024)
    local most, r, now = whole(args[4], 'max', 1, MOVE_MAX), read_run(K, run), clock()
    local key, started, delivered, tally = run_key(K, run), {}, {}, {}
    if r.state ~= 'undoing' and r.state ~= 'undone' then
        audit_run(K, run, r, 'replay-undo', actor, reason)
        set_state(K, run, r, now, 'undoing', '')
        redis.call('UNLINK', key .. ':left')
    end
    local ids = redis.call('RPOP', key .. ':moved', most) or {} -- the latest first: they started last
    for _, id in ipairs(ids) do
        if not undo_one(K, now, run, id, delivered, tally) then
            started[#started + 1] = id
        end
    end
    bump_all(K, tally)
    local undone = tally.undone or 0
    r.undone, r.started = redis.call('HINCRBY', key, 'undone', undone), redis.call('HINCRBY', key, 'started', #started)
    if undone > 0 then
        event(K, 'undo', 'run', run, 'count', undone)
    end
    if #started > 0 and redis.call('LLEN', key .. ':started') < STARTED_MAX then
        redis.call('RPUSH', key .. ':started', unpack(started))
    end
    local left = redis.call('LLEN', key .. ':moved')
    if left == 0 and r.state == 'undoing' then
        set_state(K, run, r, now, 'undone', '')
        audit_run(K, run, r, 'replay-undone', actor, reason, 'undone', r.undone, 'started', r.started)
    end
    return status_json(K, run, r, {left = left})
end

local function stint_replay_status(K, args)
    count_args(args, 1, 1, 'run')
    local run, now = run_arg(args[1]), clock()
    local r = read_run(K, run)
    local more = {actor = r.actor, reason = r.reason, filter = r.filter, now_ms = now}
    for _, name in ipairs({'created', 'began', 'changed', 'driven'}) do
        more[name .. '_ms'] = r[name] and number_of(r, name) or nil
    end
    for _, name in ipairs({'band', 'kind', 'edit'}) do
        more[name] = r[name]
    end
    for _, name in ipairs({'delay_ms', 'guard', 'stop_at', 'max'}) do
        more[name] = r[name] and number_of(r, name) or nil
    end
    return status_json(K, run, r, more)
end

register('stint_replay_open', guarded(stint_replay_open), NEEDS_MEMORY)
register('stint_replay_select', guarded(stint_replay_select), NEEDS_MEMORY)
register('stint_replay_begin', guarded(stint_replay_begin), NEEDS_MEMORY)
register('stint_replay_step', guarded(stint_replay_step), NEEDS_MEMORY)
register('stint_replay_control', guarded(stint_replay_control), WORKS_AT_OOM)
register('stint_replay_undo', guarded(stint_replay_undo), WORKS_AT_OOM)
register('stint_replay_status', guarded(stint_replay_status), ONLY_READS)
end

