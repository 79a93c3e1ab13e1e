-- -------------------------------------------------------------------------------------------- due, expired, cancelled
-- Used further down: unpark, entry_state, find_queued, notfound.
local unpark, entry_state, find_queued, notfound
do
-- A due job's way back to ready; what it is by now decides.
local function promote_one(K, now, id)
    redis.call('ZREM', K .. ':d', id)
    local job = load(K, id)
    if not job then -- its hash was removed by hand; the dead letter keeps the ledger whole and says so
        job = {'normal', '', id, 'unknown', 1, 0, 0, 0, 0, 0, 0, now, now, '', ''}
        job.errs = 0
        bury_malformed(K, now, job, 0, 'its job hash, which held the payload, is gone')
    elseif job.cancel then
        end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', 'cancelled')
    elseif job.expires and job.expires <= now then
        expire(K, now, job, job[EPOCH] - 1)
    elseif redis.call('HEXISTS', K .. ':cfg', 'paused:' .. job[KIND]) == 1 then
        park(K, job, job[EPOCH] - 1)
    else
        add_entry(K, job, job[EPOCH] - 1)
    end
end

-- Brings back up to `most` parked jobs of a kind; the kind is forgotten when none is left.
function unpark(K, now, kind, most)
    local key = K .. ':p:' .. kind
    local ids = redis.call('SRANDMEMBER', key, most)
    for _, id in ipairs(ids) do
        redis.call('SREM', key, id)
        if redis.call('ZSCORE', K .. ':d', id) then
            promote_one(K, now, id)
        end
    end
    if redis.call('SCARD', key) == 0 then
        redis.call('SREM', K .. ':unpark', kind)
    end
    return #ids
end

local function stint_promote(K, args)
    count_args(args, 1, 1, 'max')
    local max = whole(args[1], 'max', 1, MOVE_MAX)
    local now, count = clock(), 0
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', K .. ':d', '-inf', now, 'LIMIT', 0, max)) do
        promote_one(K, now, id)
        count = count + 1
    end
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
        return nil
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

