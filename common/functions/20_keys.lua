-- ----------------------------------------------------------------------------------------------------- keys and clock

-- ms, and the microseconds within it as a fraction.
local function clock()
    local t = redis.call('TIME')
    local us = tonumber(t[2])
    local now = tonumber(t[1]) * 1000 + math.floor(us / 1000)
    return now, now + (us % 1000) / 1000
end

local function stream(K, band)
    return K .. ':s:' .. band
end

local function hash(K, id)
    return K .. ':j:' .. id
end

local function bump(K, field, n)
    redis.call('HINCRBY', K .. ':ledger', field, n)
end

local function event(K, ...)
    redis.call('XADD', K .. ':ev', 'MAXLEN', '~', EVENTS_MAX, '*', 't', ...)
end

local function audit(K, action, actor, reason, ...)
    redis.call('XADD', K .. ':audit', 'MAXLEN', '~', AUDIT_MAX, '*', 'action', action, 'actor', actor, 'reason',
        reason, ...)
end

-- UUIDv7 (RFC 9562): ms, then a counter in rand_a so that ids of one call differ and sort, then 62 bits that differ
-- between calls.
local id_counter = 0
local function new_id(call)
    if not call.id_format then
        local ms = string.format('%012x', call.now)
        local h = redis.sha1hex(call.K .. string.format('%.3f', call.precise) .. ':' .. id_counter)
        local variant = string.sub('89ab89ab89ab89ab', tonumber(string.sub(h, 1, 1), 16) + 1)
        call.id_format = string.sub(ms, 1, 8) .. '-' .. string.sub(ms, 9, 12) .. '-7%03x-' .. string.sub(variant, 1,
            1) ..
            string.sub(h, 2, 4) .. '-' .. string.sub(h, 5, 16)
    end
    id_counter = id_counter + 1
    return string.format(call.id_format, id_counter % 4096)
end

