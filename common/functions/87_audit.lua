-- -------------------------------------------------------------------------------------------------------------- audit
-- Nothing further down uses what is in here.
do
local PAIRS_MAX, VALUE_MAX = 16, 1024

-- An operator's action that is no Function of its own. What concerns a host rather than a queue goes to the queue `_host`.
local function stint_audit(K, args)
    count_args(args, 3, 3 + 2 * PAIRS_MAX, 'action, actor, reason, then at most 16 pairs of field, value')
    if not string.find(args[1], '^[a-z][a-z0-9._%-]*$') or #args[1] > 40 then
        badarg('action', '1 to 40 of [a-z0-9._-], a letter first')
    end
    text(args[2], 'actor', 128)
    text(args[3], 'reason', 1024)
    if #args % 2 == 0 then
        badarg('ARGV', 'pairs of field, value after the reason')
    end
    for i = 4, #args, 2 do
        if not string.find(args[i], '^[a-z][a-z0-9_]*$') or #args[i] > 40 then
            badarg('field', '1 to 40 of [a-z0-9_], a letter first')
        end
        text(args[i + 1], args[i], VALUE_MAX)
    end
    audit(K, args[1], args[2], args[3], unpack(args, 4))
    return 1
end

register('stint_audit', guarded(stint_audit), WORKS_AT_OOM)
end

