-- -------------------------------------------------------------------------------------------- due, expired, cancelled
-- Used further down: unpark, entry_state, find_queued, notfound.
local unpark, entry_state, find_queued, notfound
do
-- What is read of a due job: all that load() reads, and what only promote_fresh asks.
local ASKED = {}
for i = 1, #LOADED do
    ASKED[i] = LOADED[i]
end
ASKED[#ASKED + 1], ASKED[#ASKED + 2] = 'created', 'progress'

-- A due job's way back to ready; what it is by now decides. It leaves the zset first: what is parked enters it again.
local function promote_as_is(K, now, id, h, paused)
    redis.call('ZREM', K .. ':d', id)
    local job = job_of(id, h)
    if not job then -- its hash was removed by hand; the dead letter keeps the ledger whole and says so
        job = {'normal', '', id, 'unknown', 1, 0, 0, 0, 0, 0, 0, now, now, '', ''}
        job.errs = 0
        bury_malformed(K, now, job, 0, 'its job hash, which held the payload, is gone')
    elseif job.cancel then
        end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', 'cancelled')
    elseif job.expires and job.expires <= now then
        expire(K, now, job, job[EPOCH] - 1)
    elseif paused(job[KIND]) then
        park(K, job, job[EPOCH] - 1)
    else
        add_entry(K, job, job[EPOCH] - 1)
    end
end

-- A job that never ran, has no options and is small becomes what an enqueue without a delay would have made: its payload in
-- the entry, so that a worker reads it by itself, and a hash that says where it is. Everything else about it would be
-- lost with the hash it had: so nothing else may be there. False: it is not such a job, and nothing was done.
local function promote_fresh(K, id, h, paused)
    local kind, band, n, options, in_hash, errs, cancel, state, _, run, home, created, progress = unpack(h, 1, 13)
    if state ~= 'scheduled' or not IS_BAND[band] or in_hash ~= '1' or not created or
        not string.find(n or '', '^0,0,0,0,0,0,%d+$') or
        options or errs or cancel or run or home or progress or
        not kind or not valid_kind(kind) or paused(kind) or
        redis.call('HSTRLEN', hash(K, id), 'payload') > INLINE_MAX then
        return false
    end
    local key = hash(K, id)
    local payload = redis.call('HGET', key, 'payload')
    if not payload then
        return false
    end
    local entry = redis.call('XADD', stream(K, band), '*', 'kind', kind, 'id', id, 'payload', payload, 'h', '1')
    redis.call('DEL', key)
    redis.call('HSET', key, 'kind', kind, 'band', band, 'state', 'queued', 'x', entry, 'created', created)
    return true
end

-- Jobs of K:d back to ready. What a call does once for all of them is done even when a key of the wrong type, made by
-- hand, stops it: a job is moved and gone from the zset, or neither; the one at fault is gone, so that it stops nothing twice.
-- parked: the set that names them too, if they were.
local function promote(K, now, ids, parked)
    local paused, fresh, out = paused_kinds(K, true), 0, {}
    local fine, fault = pcall(function()
        for _, id in ipairs(ids) do
            if parked then
                redis.call('SREM', parked, id)
            end
            out[#out + 1] = id
            local h = redis.call('HMGET', hash(K, id), unpack(ASKED))
            if promote_fresh(K, id, h, paused) then
                fresh = fresh + 1
            else
                out[#out] = nil
                promote_as_is(K, now, id, h, paused)
            end
        end
    end)
    if #out > 0 then
        redis.call('ZREM', K .. ':d', unpack(out))
    end
    if fresh > 0 then
        bump(K, 'readded', fresh)
    end
    if not fine then
        error(fault, 0)
    end
end

-- Brings back up to `most` parked jobs of a kind; the kind is forgotten when none is left.
function unpark(K, now, kind, most)
    local key = K .. ':p:' .. kind
    local ids, here = redis.call('SRANDMEMBER', key, most), {}
    for _, id in ipairs(ids) do
        if redis.call('ZSCORE', K .. ':d', id) then
            here[#here + 1] = id
        else
            redis.call('SREM', key, id)
        end
    end
    promote(K, now, here, key)
    if redis.call('SCARD', key) == 0 then
        redis.call('SREM', K .. ':unpark', kind)
    end
    return #ids
end

local function stint_promote(K, args)
    count_args(args, 1, 1, 'max')
    local max = whole(args[1], 'max', 1, MOVE_MAX)
    local now = clock()
    local ids = redis.call('ZRANGEBYSCORE', K .. ':d', '-inf', now, 'LIMIT', 0, max)
    promote(K, now, ids)
    local count = #ids
    for _, kind in ipairs(redis.call('SMEMBERS', K .. ':unpark')) do
        if count < max then
            count = count + unpark(K, now, kind, max - count)
        end
    end
    return {count, next_due(K, now)}
end

-- Expires ready entries at the head of a band. Returns how many of `max` looks are left, and the number expired.
local function expire_ready(K, now, band, max)
    local key, count = stream(K, band), 0
    local _, last = group_info(K, band)
    for _, e in ipairs(redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', max)) do
        local job, why = parse(band, e[1], e[2])
        if not why and job.expires and job.expires <= now and redis.call('XDEL', key, e[1]) == 1 then
            own(K, job)
            expire(K, now, job, job[EPOCH] - 1)
            count = count + 1
        end
    end
    return count
end

local function stint_expire(K, args)
    count_args(args, 1, 1, 'max')
    local max = whole(args[1], 'max', 1, MOVE_MAX)
    local now, count = clock(), 0
    for _, band in ipairs(STREAMS) do
        count = count + expire_ready(K, now, band, max - count)
        if count >= max then
            return count
        end
    end
    for _, id in ipairs(redis.call('ZRANGE', K .. ':d', 0, max - count - 1)) do
        local job = load(K, id)
        if job and job.expires and job.expires <= now then
            redis.call('ZREM', K .. ':d', id)
            redis.call('SREM', K .. ':p:' .. job[KIND], id)
            expire(K, now, job, job[EPOCH] - 1)
            count = count + 1
        end
    end
    return count
end

-- Where a queued job's entry is: 'ready', 'active' with its consumer, or nil when it is gone.
function entry_state(K, band, entry)
    local pending = redis.pcall('XPENDING', stream(K, band), GROUP, entry, entry, 1)
    if not pending.err and pending[1] then
        return 'active', pending[1][2]
    end
    if redis.call('XRANGE', stream(K, band), entry, entry)[1] then
        return 'ready'
    end
    return nil
end

-- state, band, entry of a job by its id: by its hash, or its name may say which entry it has.
function find_queued(K, id)
    local h = redis.call('HMGET', hash(K, id), 'state', 'band', 'x')
    if h[1] then
        return h[1], h[2], h[3]
    end
    local band, entry = place_of_id(id)
    return band and 'queued', band, entry
end

local function cancel_queued(K, now, id, band, entry, reason, actor)
    local state = entry_state(K, band, entry)
    if not state then
        return packed_status(K, band, entry) and 'done'
    end
    local job = parse(band, entry, redis.call('XRANGE', stream(K, band), entry, entry)[1][2])
    if job[ID] ~= id then
        return nil -- the entry that the name would be of is another job's
    elseif state == 'active' then
        local key = hash(K, id)
        local fresh = redis.call('EXISTS', key) == 0
        redis.call('HSET', key, 'kind', job[KIND], 'band', band, 'state', 'queued', 'x', entry, 'cancel',
                   '{"reason":' .. quote(reason) .. ',"actor":' .. quote(actor) .. string.format(',"at_ms":%.0f}', now))
        if fresh then -- an untracked job's end will not look at it: the flag must not outlive the job for ever
            redis.call('PEXPIRE', key, RETAIN_MS)
        end
        redis.call('HSET', K .. ':cancels', band .. ':' .. entry, id) -- until the claim is over: stint_beat
        event(K, 'cancel', 'id', id, 'kind', job[KIND], 'entry', entry, 'band', band)
        return 'cancelling'
    end
    redis.call('XDEL', stream(K, band), entry)
    own(K, job)
    end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', reason)
    return 'cancelled'
end

function notfound(id)
    error({stint = 'STINT_NOTFOUND no job ' .. id ..
        ': it never existed, is not tracked, or its status was kept long enough'}, 0)
end

local function stint_cancel(K, args)
    count_args(args, 3, 3, 'id, reason, actor')
    local id, reason, actor = id_arg(args[1]), text(args[2], 'reason', 1024), text(args[3], 'actor', 128)
    local now = clock()
    local state, band, entry = find_queued(K, id)
    if state == 'scheduled' then
        local job = load(K, id)
        redis.call('ZREM', K .. ':d', id)
        redis.call('SREM', K .. ':p:' .. job[KIND], id)
        end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', reason)
        state = 'cancelled'
    elseif state == 'queued' and entry then
        state = cancel_queued(K, now, id, band, entry, reason, actor)
    end
    if not state or state == 'queued' then
        notfound(id)
    end
    if state == 'cancelled' or state == 'cancelling' then
        audit(K, 'cancel', actor, reason, 'id', id)
    end
    return '{"id":"' .. id .. '","state":"' .. state .. '"}'
end

register('stint_promote', guarded(stint_promote), WORKS_AT_OOM)
register('stint_expire', guarded(stint_expire), WORKS_AT_OOM)
register('stint_cancel', guarded(stint_cancel), WORKS_AT_OOM)
end

