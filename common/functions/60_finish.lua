-- ------------------------------------------------------------------------------------------------------------- finish
-- Used further down: delay_arg, finish_done.
local delay_arg, finish_done
do
-- The status of a finished job is written to its hash; a hash that is another living job's (a shared id) is left alone.
local function keep_result(K, now, band, entry, id, result, retain, usage)
    local key = hash(K, id)
    local h = redis.call('HMGET', key, 'x', 'state', 'b')
    local mine = h[1] == entry
    if h[2] and not mine and not FINAL[h[2]] then
        return
    end
    local run = mine and h[3] and redis.call('HGET', key, 'run') -- a replayed job's body is in its hash
    if run then
        leave_run(K, id, run, 'succeeded')
    end
    if retain == '0' then
        if mine then
            redis.call('UNLINK', key)
        end
        return
    end
    if mine then
        redis.call('HSET', key, 'state', 'done', 'finished', now, 'result', result, 'usage', usage)
        if h[3] then
            redis.call('HDEL', key, 'payload', 'b', 'o')
        end
    else -- a plain XADD of a tracked kind, or the id of a job finished before
        local found = redis.call('XRANGE', stream(K, band), entry, entry)
        local job = found[1] and parse(band, entry, found[1][2])
        redis.call('UNLINK', key)
        redis.call('HSET', key, 'kind', job and job[KIND] or 'unknown', 'band', band, 'state', 'done', 'created',
                   job and string.format('%.0f', job[CREATED]) or now, 'n', job and counters_text(job,
                       job[EPOCH] - 1) or '0,0,0,0,0,0,0', 'finished', now,
                   'result', result, 'usage', usage)
    end
    redis.call('PEXPIRE', key, retain)
end

-- Which of the entries this claim still held, given that one XACK of all of them came up short: those that are there
-- and were delivered. What was moved is deleted; what lies beyond the last delivered id was never claimed and must
-- stay.
local function held_of(K, band, entries)
    local _, last = group_info(K, band)
    local last_ms, last_n = string.match(last, '^(%d+)%-(%d+)$')
    last_ms, last_n = tonumber(last_ms), tonumber(last_n)
    local held = {}
    for _, entry in ipairs(entries) do
        local ms, n = string.match(entry, '^(%d+)%-(%d+)$')
        ms, n = tonumber(ms), tonumber(n)
        if not held[entry] and (ms < last_ms or (ms == last_ms and n <= last_n)) and
            redis.call('XRANGE', stream(K, band), entry, entry)[1] then
            held[entry] = true
            held[#held + 1] = entry
        end
    end
    return held
end

-- Finishes jobs of a band that are done: one XACK and one XDEL for all. fenced: gets those that are not this claim's any
-- more; keep(entry), if given, is called for each of the others before its entry goes. Returns how many were accepted.
function finish_done(K, band, entries, fenced, keep)
    local key = stream(K, band)
    local acked = redis.pcall('XACK', key, GROUP, unpack(entries))
    if type(acked) ~= 'number' then
        if string.find(acked.err, 'stream ID', 1, true) then
            badarg('entry', 'a stream entry id, <ms>-<n>')
        end
        acked = 0
    end
    if acked ~= #entries then
        local held = acked > 0 and held_of(K, band, entries) or {}
        for _, entry in ipairs(entries) do
            if not held[entry] then
                fenced[#fenced + 1] = band .. ':' .. entry
            end
        end
        entries = held
    end
    if keep then
        for _, entry in ipairs(entries) do
            keep(entry)
        end
    end
    if #entries > 0 then
        redis.call('XDEL', key, unpack(entries))
    end
    return acked
end

-- An end other than done: takes the job out of its claim and says 1, or 0 when it is not this claim's any more. A job
-- that asked to be cancelled ends as that, whatever the handler said.
local function taking(finish)
    return function(K, now, band, entry, _, a, b)
        local job = take(K, band, entry)
        if not job then
            return 0
        end
        if job.cancel and finish then
            place(K, job, end_cancelled, now, job, 'cancelled while it ran')
        elseif finish and not job.gone then
            place(K, job, finish, now, job, a, b)
        elseif not job.gone then
            place(K, job, end_cancelled, now, job, a)
        end
        return 1
    end
end

local function again(K, now, job, json, delay)
    add_error(now, job, json)
    ready_or_scheduled(K, now, job, job[EPOCH], delay)
    event(K, 'retry', 'id', job[ID], 'kind', job[KIND], 'due', string.format('%.0f', now + delay))
end

local function retry(K, now, job, json, delay)
    job[ATTEMPTS] = job[ATTEMPTS] + 1
    bump(K, 'retried', 1)
    again(K, now, job, json, delay)
end

local function retry_in_lane(K, now, job, json, delay)
    to_lane(K, now, job)
    retry(K, now, job, json, delay)
end

local function dead(K, now, job, json, fingerprint)
    job[ATTEMPTS] = job[ATTEMPTS] + 1
    bury(K, now, job, job[EPOCH], json, fingerprint)
end

-- The record stays, the attempt is not counted. Nothing is free for ever.
local function free(K, now, job, json, delay)
    job.strikes = (job.strikes or 0) + 1
    if job.strikes > FREE_MAX then
        dead(K, now, job, json, string.sub(redis.sha1hex('free ' .. job[KIND] .. json), 1, 16))
        return
    end
    job[HANDBACKS] = job[HANDBACKS] + 1
    bump(K, 'handed_back', 1)
    again(K, now, job, json, delay)
end

local function snooze(K, now, job, _, delay)
    ready_or_scheduled(K, now, job, job[EPOCH], delay)
    bump(K, 'snoozed', 1)
end

function delay_arg(s, name)
    return whole(s, name, 0, LONGEST_MS)
end

-- What an op does, and how its two arguments are checked (each returns the value used).
local OPS = {
    retry = {run = taking(retry), b = delay_arg},
    lane = {run = taking(retry_in_lane), b = delay_arg},
    free = {run = taking(free), b = delay_arg},
    dead = {run = taking(dead)},
    snooze = {run = taking(snooze), b = delay_arg},
    cancelled = {run = taking(nil), a = function(s) return text(s, 'a of cancelled (reason)', 1024) end},
}

-- Sorts an ack or a done under its band: the entry, and for a done what is kept of it.
local function put_done(bands, op, args, i)
    local band, entry = band_arg(args[i + 1], 'band'), entry_arg(args[i + 2], 'entry')
    local at = bands[band]
    if not at then
        at = {entries = {}, keep = {}}
        bands[band] = at
    end
    at.entries[#at.entries + 1] = entry
    if op == 'done' then
        local retain, usage = string.match(args[i + 5], '^(%d+) (%b{})$')
        retain, usage = retain or args[i + 5], usage or ''
        if not good.count[retain] then
            remember('count', retain, delay_arg(retain, 'b of done'))
        end
        at.keep[entry] = {id_arg(args[i + 3]), text(args[i + 4], 'a of done (result JSON)', RESULT_MAX), retain,
                          text(usage, 'usage in b of done', 1024)}
    end
end

-- Every op is checked before the first is applied: a wrong argument changes nothing. Returns what is done by band, and
-- the other ops. An ack's id, a and b are not used.
local function finish_ops(args)
    local n = count_arg(args[5], 'n', 0, FETCH_MAX)
    if #args ~= 5 + 6 * n and #args ~= 6 + 6 * n then
        badarg('ARGV', 'instance, consumer, turn, max, n, then n times op, band, entry, id, a, b; then the lane if one' ..
            ' is served')
    end
    local bands, ops = {}, {}
    for i = 6, 5 + 6 * n, 6 do
        local op = args[i]
        if op == 'ack' or op == 'done' then
            put_done(bands, op, args, i)
        else
            local rule = OPS[op]
            if not rule then
                badarg('op', 'ack, done, retry, lane, free, dead, snooze or cancelled')
            end
            local a, b = args[i + 4], args[i + 5]
            ops[#ops + 1] = {rule.run, band_arg(args[i + 1], 'band'), entry_arg(args[i + 2], 'entry'),
                id_arg(args[i + 3]),
                             rule.a and rule.a(a) or a, rule.b and rule.b(b, 'b of ' .. op) or b}
        end
    end
    return bands, ops, lane_arg(args[6 + 6 * n])
end

local function stint_finish(K, args)
    count_args(args, 5, 6 + 6 * FETCH_MAX, 'instance, consumer, turn, max, n, then n times op, band, entry, id, a, b')
    local instance, consumer, turn, max = fetch_args(args, 0)
    local bands, ops, lane = finish_ops(args)
    local now, precise = clock()
    local accepted, done, fenced = 0, 0, {}
    for _, op in ipairs(ops) do
        local taken = op[1](K, now, op[2], op[3], op[4], op[5], op[6])
        if taken == 0 then
            fenced[#fenced + 1] = op[2] .. ':' .. op[3]
        end
        accepted = accepted + taken
    end
    local now_text = string.format('%.0f', now)
    for band, at in pairs(bands) do
        done = done + finish_done(K, band, at.entries, fenced, next(at.keep) and function(entry)
            local op = at.keep[entry]
            if op then
                keep_result(K, now_text, band, entry, op[1], op[2], op[3], op[4])
            end
        end)
    end
    if done > 0 then
        bump(K, 'done', done)
    end
    local fetched = fetch(K, now, precise, instance, consumer, turn, max, lane)
    if #fenced > 0 then
        return {accepted + done, fetched, fenced}
    end
    return {accepted + done, fetched}
end

register('stint_finish', guarded(stint_finish), WORKS_AT_OOM)
end

