-- ---------------------------------------------------------------------------------------------------------------- gate
-- XREADGROUP looks at every stream it names, and at its group, before it reads any of them. A worker that names its gate
-- beside a band therefore claims nothing (NOGROUP) once the gate is gone, whatever it believes and however late its
-- command arrives: Redis itself holds the fence, without a Function. A gate is an empty stream with the group. It is open
-- for one consumer, no longer than the lease its instance had (nor than GATE_MS: a host that rested has a long lease, and cuts
-- it when it wakes), and only while nothing stands between a ready job and
-- whoever reads it: no pause, no kind that is paused, no rate. Whatever brings such a thing, or takes a consumer's jobs
-- from it, closes the gate in the same call. A gate is only ever opened for a consumer that holds jobs of a band: so the
-- group's consumers name every gate there is.
local GATE_MS = 60000
local function gate(K, consumer)
    return K .. ':g:' .. consumer
end

-- lease: ms at which the instance's lease ends.
local function open_gate(K, now, consumer, lease)
    local key, at = gate(K, consumer), string.format('%.0f', math.min(lease, now + GATE_MS))
    if redis.call('PEXPIREAT', key, at) == 0 then
        redis.call('XGROUP', 'CREATE', key, GROUP, '0', 'MKSTREAM')
        redis.call('PEXPIREAT', key, at)
    end
end

local function close_gate(K, consumer)
    redis.call('UNLINK', gate(K, consumer))
end

