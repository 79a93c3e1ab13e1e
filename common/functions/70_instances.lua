-- ---------------------------------------------------------------------------------------------------------- instances
-- Nothing further down uses what is in here.
do
-- When the next lease of another instance ends unless it is renewed, -1 when there is none: who hears it can sweep then
-- instead of at its own next beat.
local function next_lapse(K, now, instance)
    local ends = redis.call('ZRANGEBYSCORE', K .. ':i', '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 2)
    return tonumber(ends[ends[1] == instance and 4 or 2] or -1)
end

-- What the instance's workers run although somebody asked to cancel it, as "<band>:<entry>". The event says so once; here it is said until the
-- claim is over, for whoever had claimed the job but did not show it yet, or was away. What nobody holds any more is forgotten. A random part
-- of very many: each is looked at in time.
local CANCELS_LOOKED = 100
local function asked_to_stop(K, instance)
    local key, asked = K .. ':cancels', {}
    for _, which in ipairs(redis.pcall('HRANDFIELD', key, CANCELS_LOOKED)) do
        local band, entry = string.match(which, '^(%a+):(.*)$')
        local claim = IS_STREAM[band] and redis.pcall('XPENDING', stream(K, band), GROUP, entry, entry, 1)[1]
        if not claim then
            redis.call('HDEL', key, which)
        elseif string.sub(claim[2], 1, #instance + 1) == instance .. ':' then
            asked[#asked + 1] = which
        end
    end
    return asked
end

local function stint_beat(K, args)
    count_args(args, 3, 3, 'instance, lease_ms, info JSON')
    local instance = instance_arg(args[1])
    local lease = whole(args[2], 'lease_ms', 1, 86400000)
    text(args[3], 'info JSON', RECORD_MAX)
    whole_queue(K)
    local now = clock()
    local new = redis.call('ZADD', K .. ':i', now + lease, instance)
    redis.call('HSET', K .. ':ii', instance, args[3])
    leave_unserved_lane(K, now, MOVE_MAX)
    local lengths = stream_lengths(K)
    return {now, next_due(K, now), ready_count(K, lengths), lost_owners(K, now, lengths), redis.call('HEXISTS', K .. ':cfg', 'paused'),
        next_lapse(K, now, instance), new, asked_to_stop(K, instance)}
end

-- An instance of which somebody has proof that it and its workers are gone: its lease ends now, and what it held moves.
local function stint_gone(K, args)
    count_args(args, 3, 4, 'instance, error JSON, crash limit, and rules by kind')
    local instance, why, now = instance_arg(args[1]), sweep_args(args[2], args[3], args[4]), clock()
    redis.call('ZADD', K .. ':i', 'XX', now, instance)
    return sweep_lost(K, now, why, instance)
end

local function stint_bye(K, args)
    count_args(args, 1, 1, 'instance')
    local instance, left = instance_arg(args[1]), 0
    local mine = {}
    for name, c in pairs(consumers(K)) do
        if c.owner == instance then
            left = left + c.held
            mine[#mine + 1] = name
        end
    end
    if left == 0 then
        for _, name in ipairs(mine) do
            forget_consumer(K, name)
        end
        redis.call('ZREM', K .. ':i', instance)
        redis.call('HDEL', K .. ':ii', instance)
    end
    return left
end

register('stint_beat', guarded(stint_beat), WORKS_AT_OOM)
register('stint_gone', guarded(stint_gone), WORKS_AT_OOM)
register('stint_bye', guarded(stint_bye), WORKS_AT_OOM)
end

