-- --------------------------------------------------------------------------------------------------------- publishing
-- Several supervisors read a matcher's feed; one publishes what its model says of a pool. Its lease and its words come
-- in one call, so whoever overslept the lease is refused before anybody hears it. A holder's name is one process's:
-- never used again. Nothing further down uses what is in here.
do
local PUBLISHED_MAX, KEPT_MAX, NOTICE_MAX = 256 * 1024, 64 * 1024, 4096
local NOTICES_MAX = 50                    -- told by one call
local NOTICE_STREAM_MAX, NOTICE_STREAM_MS = 10000, 3600000
local STATS_LEASES, STATS_MS = 12, 60000  -- the numbers outlive so many leases, and at least so long
local LEASE_ROW_MS = 86400000             -- a pool's row goes when it was not published for so long
local KEPT_MS = 30 * 86400000

local YOURS, ANOTHERS, STALE = 1, 0, -1

local function pool_arg(s)
    if type(s) ~= 'string' or #s > 64 or not string.find(s, '^[%w._%-]+$') then
        badarg('pool', '1 to 64 of [A-Za-z0-9._-]')
    end
    return s
end

-- K:pub, field <pool>: "<holder> <epoch> <lease end, ms> <last published, ms>". What is no such text was nobody's.
local function parse_row(row)
    local holder, epoch, ends, at = string.match(row or '', '^(%S+) (%d+) (%d+) (%d+)$')
    return {holder = holder or '', epoch = tonumber(epoch or 0), ends = tonumber(ends or 0), at = tonumber(at or 0)}
end

local function lease_row(K, pool)
    return parse_row(redis.call('HGET', K .. ':pub', pool))
end

local function holds(row, holder, epoch, now)
    return row.holder == holder and row.epoch == epoch and row.ends > now
end

-- One row a call is looked at: pools come and go, and neither hash may keep them for ever.
local function forget_one(K, now)
    local row = redis.call('HRANDFIELD', K .. ':pub', 1, 'WITHVALUES')
    if row[1] and parse_row(row[2]).ends < now - LEASE_ROW_MS then
        redis.call('HDEL', K .. ':pub', row[1])
        redis.call('HDEL', K .. ':stats', 'pool:' .. row[1])
    end
    local kept = redis.call('HRANDFIELD', K .. ':keep', 1, 'WITHVALUES')
    local at = kept[1] and tonumber(string.match(kept[2], '^{"v":%d+,"at_ms":(%d+)[,}]') or now)
    if at and at < now - KEPT_MS then
        redis.call('HDEL', K .. ':keep', kept[1])
    end
end

local function answer(K, pool, code, row, now)
    local age = row.at > 0 and now - row.at or -1
    return {code, row.epoch, row.holder, age, code ~= YOURS and redis.call('HGET', K .. ':stats', 'pool:' .. pool) or ''}
end

-- Who may not publish, and why; nil for who may.
local function refusal(row, holder, epoch, now)
    if row.ends > now and row.holder ~= holder then
        return ANOTHERS
    elseif epoch ~= 0 and not holds(row, holder, epoch, now) then
        return STALE
    end
    return nil
end

local function tell(K, pool, json, lease, now)
    redis.call('HSET', K .. ':stats', 'pool:' .. pool, json, 'updated_ms', string.format('%.0f', now))
    redis.call('PEXPIRE', K .. ':stats', string.format('%.0f', math.max(STATS_LEASES * lease, STATS_MS)))
    redis.call('PUBLISH', K .. ':stats', json)
end

-- epoch: the one the caller was given with its lease, 0 to ask for it. lease_ms 0 gives it up. JSON made longer ago
-- than a lease lasts is nobody's present.
local function stint_publish(K, args)
    count_args(args, 6, 7, 'pool, holder, epoch, lease_ms, made_ms, JSON or "" to ask only, and JSON to be kept')
    local pool, holder = pool_arg(args[1]), instance_arg(args[2])
    local epoch, lease = whole(args[3], 'epoch', 0, 9007199254740991), whole(args[4], 'lease_ms', 0, 86400000)
    local made, json, keep = whole(args[5], 'made_ms', 0, 99999999999999), args[6], args[7] or ''
    text(json, 'JSON', PUBLISHED_MAX)
    text(keep, 'JSON to be kept', KEPT_MAX)
    local now, row = clock(), lease_row(K, pool)
    local why = refusal(row, holder, epoch, now)
    if not why and json ~= '' and lease > 0 and made < now - lease then
        why = STALE
    end
    if why then
        return answer(K, pool, why, row, now)
    end
    row = {holder = holder, epoch = epoch ~= 0 and epoch or row.epoch + 1, ends = now + lease, at = row.at}
    if json ~= '' then
        row.at = now
        tell(K, pool, json, lease, now)
    end
    if keep ~= '' then
        redis.call('HSET', K .. ':keep', pool, keep)
        redis.call('PEXPIRE', K .. ':keep', KEPT_MS)
    end
    redis.call('HSET', K .. ':pub', pool, string.format('%s %.0f %.0f %.0f', holder, row.epoch, row.ends, row.at))
    redis.call('PEXPIRE', K .. ':pub', LEASE_ROW_MS)
    forget_one(K, now)
    return answer(K, pool, YOURS, row, now)
end

-- What changed for people who asked to be told: the publisher's alone.
local function stint_notice(K, args)
    count_args(args, 5, 3 + 2 * NOTICES_MAX, 'pool, holder, epoch, then 1 to 50 times ticket, JSON')
    local pool, holder = pool_arg(args[1]), instance_arg(args[2])
    local epoch = whole(args[3], 'epoch', 1, 9007199254740991)
    if #args % 2 == 0 then
        badarg('ARGV', 'pairs of ticket, JSON after the epoch')
    end
    for i = 4, #args, 2 do
        if #args[i] > 128 or not string.find(args[i], '^[%w._:@%-]+$') then
            badarg('ticket', '1 to 128 of [A-Za-z0-9._:@-]')
        end
        text(args[i + 1], 'JSON', NOTICE_MAX)
    end
    if not holds(lease_row(K, pool), holder, epoch, (clock())) then
        return STALE
    end
    local waits = K .. ':waits:' .. pool
    for i = 4, #args, 2 do
        redis.call('XADD', waits, 'MAXLEN', '~', NOTICE_STREAM_MAX, '*', 'id', args[i], 'data', args[i + 1])
        redis.call('PUBLISH', K .. ':wait:' .. pool .. ':' .. args[i], args[i + 1])
    end
    redis.call('PEXPIRE', waits, NOTICE_STREAM_MS)
    return (#args - 3) / 2
end

register('stint_publish', guarded(stint_publish), WORKS_AT_OOM)
register('stint_notice', guarded(stint_notice), NEEDS_MEMORY)
end
