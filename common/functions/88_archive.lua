-- --------------------------------------------------------------------------------- dead letters that leave and return
-- Nothing further down uses what is in here.
do
local ACTIONS = {archive = true, drain = true, purge = true}
local FIELDS_MAX = 2 * ERRORS_MAX + 64 -- names and values of one imported letter

-- One entry of the audit log a run, however many calls it takes: the latest entry, when it is this run's, counts on.
local function audit_run(K, action, actor, reason, filter, run, count, first, last)
    local latest = redis.call('XREVRANGE', K .. ':audit', '+', '-', 'COUNT', 1)[1]
    local was = {}
    for i = 1, latest and #latest[2] or 0, 2 do
        was[latest[2][i]] = latest[2][i + 1]
    end
    if was.action == action and was.run == run then
        redis.call('XDEL', K .. ':audit', latest[1])
        count, first = count + (tonumber(was.count) or 0), was.first or first
    end
    audit(K, action, actor, reason, 'filter', filter, 'run', run, 'count', count, 'first', first, 'last', last)
end

local function removal_args(args)
    if not ACTIONS[args[1]] then
        badarg('action', 'archive, drain or purge')
    end
    text(args[2], 'actor', 128)
    text(args[3], 'reason', 1024)
    text(args[4], 'filter', 1024)
    if text(args[5], 'run', 128) == '' then
        badarg('run', '1 to 128 bytes')
    end
end

-- Removes dead letters that somebody else has by now: only those whose token says that they are what was read.
local function stint_dead_remove(K, args)
    count_args(args, 7, 5 + 2 * MOVE_MAX, 'action, actor, reason, filter, run, then 1 to 100 times id, token')
    if #args % 2 == 0 then
        badarg('ARGV', 'a token after each id')
    end
    removal_args(args)
    for i = 6, #args, 2 do
        id_arg(args[i])
    end
    local count, tally, first, last = 0, {}, nil, nil
    for i = 6, #args, 2 do
        local id = args[i]
        local h = redis.call('HMGET', hash(K, id), 'fp', 'cause', 'died', 'edits')
        if h[3] and payload_token(h[3], h[4]) == args[i + 1] then
            local job = load(K, id)
            if exhume(K, id, h[1], h[2], tally) then
                release_unique(K, job)
                redis.call('UNLINK', hash(K, id))
                count, first, last = count + 1, first or id, id
            end
        end
    end
    if count > 0 then
        tally.purged = (tally.purged or 0) + count
        bump_all(K, tally)
        audit_run(K, args[1], args[2], args[3], args[4], args[5], count, first, last)
    end
    return count
end

local function small_count(s)
    return #s <= 9 and string.find(s, '^%d+$')
end

-- The letter a field list describes, or nil and what is wrong with it.
local function letter_of(id, fields)
    local h = {}
    for i = 1, #fields, 2 do
        if not string.find(fields[i], '^[a-z][a-z0-9_]*:?%d*$') or #fields[i] > 64 then
            return nil, 'a field is not called [a-z][a-z0-9_]*'
        end
        if #fields[i + 1] > PAYLOAD_MAX then
            return nil, 'field ' .. fields[i] .. ' is larger than ' .. PAYLOAD_MAX .. ' bytes'
        end
        h[fields[i]] = fields[i + 1]
    end
    local job = {}
    if h.state ~= 'dead' then
        return nil, 'field state is not dead'
    elseif not (h.kind and valid_kind(h.kind)) then
        return nil, 'field kind is not 1 to 32 of [a-z0-9-]'
    elseif not IS_STREAM[h.band] then
        return nil, 'field band is not express, high, normal, low or the lane large'
    elseif not (h.n and read_counters(job, h.n)) then
        return nil, 'field n is not epoch,attempts,crashes,handbacks,replays,suspect,created_ms'
    elseif not h.payload then
        return nil, 'field payload is missing'
    elseif not (h.fp and safe_fingerprint(h.fp) == h.fp) then
        return nil, 'field fp is not 1 to 64 of [A-Za-z0-9._-]'
    elseif not (h.cause and cause_of(h) == h.cause) then
        return nil, 'field cause is not a cause'
    elseif not (h.died and #h.died <= 14 and string.find(h.died, '^%d+$')) then
        return nil, 'field died is not a whole number of ms since 1970'
    elseif (h.errs and not small_count(h.errs)) or (h.edits and not small_count(h.edits)) then
        return nil, 'field errs or edits is not a whole number'
    elseif h.o and read_options({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, h.o) then
        return nil, 'field o is not what a job carries'
    end
    return h, nil
end

-- One letter back among the dead. Answers 'imported', 'replaced', 'same' (it is there already, the same death and edit),
-- or 'exists' (another job has its id).
local function import_one(K, id, h, fields, replace, tally)
    local there = redis.call('HMGET', hash(K, id), 'state', 'fp', 'cause', 'died', 'edits')
    local outcome = 'imported'
    if there[1] == 'dead' and payload_token(there[4], there[5]) == payload_token(h.died, h.edits) then
        return 'same'
    elseif there[1] and not (replace and there[1] == 'dead' and exhume(K, id, there[2], there[3], tally)) then
        return 'exists'
    elseif there[1] then
        outcome = 'replaced'
        redis.call('UNLINK', hash(K, id))
    end
    for i = 1, #fields, 100 do
        redis.call('HSET', hash(K, id), unpack(fields, i, math.min(i + 99, #fields)))
    end
    redis.call('HDEL', hash(K, id), 'bytes')
    inter(K, id, h.died, h.fp, h.cause, tally)
    if outcome == 'imported' then
        tally.sched, tally.imported = (tally.sched or 0) + 1, (tally.imported or 0) + 1
    end
    return outcome
end

-- The letters of the arguments from `at` on: id, how many names and values follow, these.
local function read_letters(args, at)
    local letters = {}
    while at <= #args do
        local id = id_arg(args[at])
        local n = whole(args[at + 1], 'n', 2, FIELDS_MAX)
        if n % 2 == 1 or at + 1 + n > #args or #letters >= MOVE_MAX then
            badarg('ARGV', '1 to 100 letters: id, how many names and values follow, these')
        end
        local fields = {unpack(args, at + 2, at + 1 + n)}
        local h, why = letter_of(id, fields)
        if not h then
            badarg('letter ' .. id, why)
        end
        letters[#letters + 1] = {id, h, fields}
        at = at + 2 + n
    end
    return letters
end

-- Dead letters that were drained or archived come back as they were. Counted as enqueued, for this queue has them anew.
local function stint_dead_import(K, args)
    count_args(args, 6, 4 + MOVE_MAX * (2 + FIELDS_MAX), 'actor, reason, run, keep or replace, then letters')
    text(args[1], 'actor', 128)
    text(args[2], 'reason', 1024)
    if text(args[3], 'run', 128) == '' then
        badarg('run', '1 to 128 bytes')
    end
    if args[4] ~= 'keep' and args[4] ~= 'replace' then
        badarg('mode', 'keep or replace')
    end
    local letters, replies, tally, count = read_letters(args, 5), {}, {}, 0
    for _, letter in ipairs(letters) do
        local outcome = import_one(K, letter[1], letter[2], letter[3], args[4] == 'replace', tally)
        replies[#replies + 1] = outcome
        count = count + ((outcome == 'imported' or outcome == 'replaced') and 1 or 0)
    end
    bump_all(K, tally)
    if count > 0 then
        audit_run(K, 'import', args[1], args[2], '', args[3], count, letters[1][1], letters[#letters][1])
    end
    return replies
end

register('stint_dead_remove', guarded(stint_dead_remove), WORKS_AT_OOM)
register('stint_dead_import', guarded(stint_dead_import), NEEDS_MEMORY)
end

