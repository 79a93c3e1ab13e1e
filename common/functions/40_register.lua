-- ------------------------------------------------------------------------------------------------------- registration

-- Checks the key, and turns our refusals into error replies without a script's line numbers.
local function guarded(f)
    return function(keys, args)
        local K = keys[1]
        if #keys ~= 1 or not (good.key[K] or (#K <= 72 and string.find(K, '^stint:{[%w._%-]+}$') and remember('key',
            K, true))) then
            return redis.error_reply('STINT_BADARG KEYS: one key, stint:{<queue>}, queue of 1 to 64 of [A-Za-z0-9._-]')
        end
        if not slot_at_rest(K) then
            return redis.error_reply("TRYAGAIN the queue's slot is being moved to another node")
        end
        begin_call(K)
        local fine, result = pcall(f, K, args)
        if fine then
            return result
        end
        if type(result) == 'table' and result.stint then
            return redis.error_reply(result.stint)
        end
        error(result, 0)
    end
end

-- Work must be able to finish, move and be looked at when the server is at maxmemory; new work must not come in.
local WORKS_AT_OOM, NEEDS_MEMORY, ONLY_READS = {'allow-oom'}, {}, {'no-writes', 'allow-oom'}

local function register(name, f, flags)
    redis.register_function{function_name = name, callback = f, flags = flags}
end

-- A queue into which a backup is being restored is nobody's to work on (ctl/restore.h): the mark stands until all of it is there.
local function whole_queue(K)
    if redis.call('EXISTS', K .. ':restoring') == 1 then
        error({stint = 'STINT_REFUSED the queue is half restored from a backup: run the same "stint restore" again, it goes on'}, 0)
    end
end

register('stint_version', function() return VERSION end, ONLY_READS)
register('stint_protocol', function() return PROTOCOL end, ONLY_READS)

-- Changes nothing and is refused wherever a change would be (READONLY, MISCONF, NOREPLICAS): the greeting of a
-- connection.
register('stint_ping', function() return VERSION end, WORKS_AT_OOM)

