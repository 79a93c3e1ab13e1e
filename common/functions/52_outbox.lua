-- ------------------------------------------------------------------------------------------------------------- outbox
-- Rows of PostgreSQL become jobs, each once (relay/relay_outbox.c). A row may be sent again until PostgreSQL has it marked; so
-- K:outbox remembers what was answered for each id that is not known to be marked. It holds what is between the two stores and
-- nothing else: the rows of the last seconds, at most IN_FLIGHT_MAX of relay/relay_outbox.c and one batch. The token is that of the one relay at work: a relay that
-- was thought dead, and wakes up with rows it read long ago, is refused.
-- Nothing further down uses what is in here.
do
local TOKEN, SENT = 'token', 'i:' -- fields of K:outbox; an id's has the prefix

local function token_arg(s)
    if not string.find(s, '^[0-9a-f]+$') or #s ~= 32 then
        badarg('token', '32 of [0-9a-f]')
    end
    return s
end

-- From now on this token works. Replies the ids that were sent and are not known to be marked.
local function stint_outbox_begin(K, args)
    count_args(args, 1, 1, 'token')
    whole_queue(K)
    redis.call('HSET', K .. ':outbox', TOKEN, token_arg(args[1]))
    local ids = {}
    for _, field in ipairs(redis.call('HKEYS', K .. ':outbox')) do
        if string.sub(field, 1, 2) == SENT then
            ids[#ids + 1] = string.sub(field, 3)
        end
    end
    return ids
end

local function stint_outbox(K, args)
    count_args(args, 2, 2 + 3 * MOVE_MAX, 'token, how many marked, marked ids, then pairs of options JSON, payload')
    local n = whole(args[2], 'marked', 0, MOVE_MAX)
    local first = 3 + n
    if first - 1 > #args or (#args - first + 1) % 2 == 1 or #args - first + 1 > 2 * MOVE_MAX then
        badarg('ARGV', 'as many marked ids as announced, then at most 100 pairs of options JSON, payload')
    end
    if redis.call('HGET', K .. ':outbox', TOKEN) ~= token_arg(args[1]) then
        error({stint = 'STINT_REFUSED another relay has this outbox now'}, 0)
    end
    for i = 3, first - 1 do
        redis.call('HDEL', K .. ':outbox', SENT .. args[i])
    end
    local call, replies = enqueue_call(K), {}
    for i = first, #args, 2 do
        local options = decode_object(args[i])
        local field = SENT .. tostring(options and options.id)
        local reply = redis.call('HGET', K .. ':outbox', field)
        if not reply then
            reply = enqueue(call, args[i], args[i + 1])
            redis.call('HSET', K .. ':outbox', field, reply)
        end
        replies[#replies + 1] = reply
    end
    return replies
end

register('stint_outbox_begin', guarded(stint_outbox_begin), WORKS_AT_OOM)
register('stint_outbox', guarded(stint_outbox), NEEDS_MEMORY)
end

