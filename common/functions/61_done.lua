-- --------------------------------------------------------------------------------------------------- done, said shortly
-- What stint_finish says with six arguments a job, for the ends that most jobs have: one band a call, nothing said twice.
-- XACK reads every id before it takes the first, so a wrong one changes nothing. Nothing further down uses what is in here.
do
-- Counts what was accepted, and answers: how many, and which of the others were fenced ("<band>:<entry>").
local function answer(K, done, fenced)
    if done > 0 then
        bump(K, 'done', done)
    end
    return #fenced > 0 and {done, fenced} or {done}
end

-- Jobs without a status.
local function stint_ack(K, args)
    count_args(args, 2, 1 + FETCH_MAX, 'band, then 1 to 1000 entries')
    local fenced = {}
    local done = finish_done(K, band_arg(args[1], 'band'), {unpack(args, 2)}, fenced)
    return answer(K, done, fenced)
end

-- The status of a job whose entry had no more than kind, id, payload and h: its kind and its entry's time are all that a
-- status needs. A hash that is another living job's (a shared id) is left alone.
local function keep_status(K, now, band, kind, retain, entry, id, result, usage)
    local key = hash(K, id)
    local h = redis.call('HMGET', key, 'x', 'state')
    if h[1] ~= entry then -- none, or the id of a job finished before
        if h[2] and not FINAL[h[2]] then
            return
        end
        redis.call('UNLINK', key)
    end
    local created = string.format('%.0f', entry_ms(entry))
    redis.call('HSET', key, 'kind', kind, 'band', band, 'state', 'done', 'created', created, 'n',
        '0,0,0,0,0,0,' .. created, 'finished', now, 'result', result, 'usage', usage)
    redis.call('PEXPIRE', key, retain)
end

-- Jobs whose status is kept, all of one kind and of one band, in their first run.
local function stint_keep(K, args)
    local allowed = 'band, kind, retain_ms, then 1 to 1000 times entry, id, result, usage'
    count_args(args, 7, 3 + 4 * FETCH_MAX, allowed)
    if (#args - 3) % 4 ~= 0 then
        badarg('ARGV', allowed)
    end
    local band, kind, retain = band_arg(args[1], 'band'), args[2], args[3]
    if not valid_kind(kind) then
        badarg('kind', '1 to 32 of [a-z0-9-]')
    end
    whole(retain, 'retain_ms', 1, LONGEST_MS)
    local entries, at, fenced = {}, {}, {}
    for i = 4, #args, 4 do
        id_arg(args[i + 1])
        if #args[i + 2] > RESULT_MAX or #args[i + 3] > 1024 then
            badarg('ARGV', 'a result of at most 1 MiB, a usage of at most 1 KiB')
        end
        entries[#entries + 1], at[args[i]] = args[i], i
    end
    local now = string.format('%.0f', clock())
    local done = finish_done(K, band, entries, fenced, function(entry)
        local i = at[entry]
        keep_status(K, now, band, kind, retain, entry, args[i + 1], args[i + 2], args[i + 3])
    end)
    return answer(K, done, fenced)
end

register('stint_ack', guarded(stint_ack), WORKS_AT_OOM)
register('stint_keep', guarded(stint_keep), WORKS_AT_OOM)
end

