-- ------------------------------------------------------------------------------------------------------- moving a job

-- Settles which hash is this job's. Ids are the producers': two plain entries may share one, and a finished job's
-- status may still be kept under it. A finished one is replaced; if the id belongs to another living job, this one goes
-- on under the name of its entry, for the zsets hold an id once and the ledger would lose a job.
local function own(K, job)
    local h = redis.pcall('HMGET', hash(K, job[ID]), 'state', 'x', 'errs', 'cancel', 'run', 'created')
    job.errs = 0
    if h.err then -- no hash, but something by that name: as if it were another job's
        h = {'queued', ''}
    end
    if h[1] and h[2] == job[ENTRY] then
        job[HAS_HASH], job.errs, job.cancel, job.run = 1, tonumber(h[3] or 0) or 0, h[4], h[5]
        if h[6] and string.find(h[6], '^%d+$') and #h[6] <= 15 then
            job[CREATED] = tonumber(h[6]) -- an entry without `n` knows only when it became ready
        end
        return
    end
    job[HAS_HASH], job.in_hash = 0, false
    if h[1] and FINAL[h[1]] then
        redis.call('UNLINK', hash(K, job[ID]))
    elseif h[1] then
        job[ID] = string.sub(job[BAND] .. '-' .. job[ENTRY], 1, 128)
        while redis.call('EXISTS', hash(K, job[ID])) == 1 do
            job[ID] = string.sub(job[ID], 1, 120) .. '.x'
        end
    end
end

-- Takes an entry out of its claim. nil: it is not this claim's any more (moved, finished or never claimed): the caller
-- is fenced. Acknowledged and deleted together, so that ready = XLEN - pending.
local function take(K, band, entry)
    local key = stream(K, band)
    local acked = redis.pcall('XACK', key, GROUP, entry)
    if acked ~= 1 then
        return nil
    end
    local found = redis.call('XRANGE', key, entry, entry)
    redis.call('XDEL', key, entry)
    if not found[1] then
        return {gone = true} -- deleted by hand: nothing is left to move
    end
    local job = parse(band, entry, found[1][2])
    own(K, job)
    job.from, job.fields = key, found[1][2]
    return job
end

-- Runs f(K, ...), which gives a job that was taken its next place (and says so: job.placed). A Function is not rolled back:
-- when f cannot go on before that (a key of the wrong type, made by hand), the job goes back where it was, as it was. Returns
-- f's result, or 'handed_back'.
local function place(K, job, f, ...)
    local fine, result = pcall(f, K, ...)
    if fine then
        return result
    end
    if not job.placed then
        for i = 1, job.named and #job.fields or 0, 2 do
            job.fields[i + 1] = job.fields[i] == 'id' and job[ID] or job.fields[i + 1]
        end
        local entry = redis.call('XADD', job.from, '*', unpack(job.fields))
        redis.pcall('HINCRBY', K .. ':ledger', 'readded', 1)
        if job[HAS_HASH] == 1 then
            redis.pcall('HSET', hash(K, job[ID]), 'state', 'queued', 'x', entry)
        end
    end
    redis.log(redis.LOG_WARNING, 'stint: job ' .. job[ID] .. ' of ' .. K .. ' could not be moved as it should: ' ..
        (type(result) == 'table' and tostring(result.err or result.stint) or tostring(result)) ..
        '; "stint fsck" names the key at fault')
    return 'handed_back'
end

-- Where the n-th error record is: beyond ERRORS_MAX the latest replace one another in the second half.
local function error_place(n)
    local half = ERRORS_MAX / 2
    return n <= half and n or half + 1 + (n - half - 1) % half
end

-- The fields of the job hash for a job at rest. The payload is written once; after that it stays in the hash until the
-- end.
local function record(job, state, epoch)
    local set = {'kind', job[KIND], 'band', job[BAND], 'state', state, 'n', counters_text(job, epoch), 'created',
        job[CREATED]}
    if not job.in_hash and state ~= 'queued' then
        job.in_hash = true
        set[#set + 1] = 'payload'
        set[#set + 1] = job[PAYLOAD]
        set[#set + 1] = 'b'
        set[#set + 1] = '1'
    end
    if job[OPTIONS] ~= '' then
        set[#set + 1] = 'o'
        set[#set + 1] = job[OPTIONS]
    end
    if job.home then
        set[#set + 1], set[#set + 2] = 'home', job.home
    end
    if job.stamp then -- a replay's run, and the letter as it was before it
        set[#set + 1], set[#set + 2], set[#set + 3], set[#set + 4] = 'run', job.run, 'was', job.stamp
    end
    if job.failure then
        local at = error_place(job.errs)
        set[#set + 1], set[#set + 2], set[#set + 3], set[#set + 4] = 'errs', job.errs, 'err:' .. at, job.failure
        job.failure = nil
    end
    return set
end

local function write(K, job, set, ...)
    for i = 1, select('#', ...) do
        set[#set + 1] = (select(i, ...))
    end
    redis.call('HSET', hash(K, job[ID]), unpack(set))
end

-- Adds the job as a ready entry; the one place that writes `n`. Counted as re-added unless it is new to the ledger.
local function add_entry(K, job, epoch)
    if job.named then
        job[HAS_HASH] = 1
    end
    local add = {'XADD', stream(K, job[BAND]), '*', 'kind', job[KIND], 'id', job[ID]}
    if job.in_hash then
        add[#add + 1], add[#add + 2] = 'b', '1'
    else
        add[#add + 1], add[#add + 2] = 'payload', job[PAYLOAD]
        if job[HAS_HASH] == 1 then
            add[#add + 1], add[#add + 2] = 'h', '1'
        end
    end
    if job[OPTIONS] ~= '' then
        add[#add + 1], add[#add + 2] = 'o', job[OPTIONS]
    end
    if job.home then
        add[#add + 1], add[#add + 2] = 'home', job.home
    end
    add[#add + 1], add[#add + 2] = 'n', counters_text(job, epoch)
    job[ENTRY] = redis.call(unpack(add))
    job.placed = true
    bump(K, 'readded', 1)
    if job[HAS_HASH] == 1 then
        write(K, job, record(job, 'queued', epoch), 'x', job[ENTRY])
    end
end

-- Puts the job under its due time, body in the hash. Says so when nothing was due before it: a host's timer must be set
-- anew.
local function schedule(K, job, epoch, due)
    job[HAS_HASH] = 1
    write(K, job, record(job, 'scheduled', epoch), 'due', string.format('%.0f', due))
    local key = K .. ':d'
    redis.call('ZADD', key, string.format('%.0f', due), job[ID])
    job.placed = true
    if due < PARKED and redis.call('ZRANGE', key, 0, 0)[1] == job[ID] then
        event(K, 'due', 'id', job[ID], 'due', string.format('%.0f', due))
    end
end

local function ready_or_scheduled(K, now, job, epoch, delay)
    if delay > 0 then
        schedule(K, job, epoch, now + delay)
    else
        add_entry(K, job, epoch)
    end
end

-- A job of a paused kind, out of the way until the kind is resumed.
local function park(K, job, epoch)
    schedule(K, job, epoch, PARKED)
    redis.call('SADD', K .. ':p:' .. job[KIND], job[ID])
    bump(K, 'parked', 1)
end

-- The error record with what only this side knows, as JSON text, and the record decoded.
local function error_record(now, job, json)
    local seen = #json <= RECORD_MAX and decode_object(json)
    if not seen then
        seen = {code = 'PROTOCOL', class = 'fatal', cause = 'handler_error',
                message = 'an error record was not a JSON object of at most ' .. RECORD_MAX .. ' bytes: ' ..
                    utf8_only(string.sub(json, 1, 1024))}
        json = cjson.encode(seen)
    end
    local add = ''
    for name, value in pairs({attempt = job[ATTEMPTS], epoch = job[EPOCH], at_ms = now}) do
        if seen[name] == nil then
            add = add .. ',' .. string.format('"%s":%.0f', name, value)
        end
    end
    if job.holder and seen.consumer == nil then
        add = add .. ',"consumer":' .. quote(job.holder)
        local instance = string.match(job.holder, '^(.+):%d+:%d+$')
        add = instance and add .. ',"instance":' .. quote(instance) or add
    end
    local body = string.gsub(json, '%s*}%s*$', '')
    if string.find(body, '^%s*{%s*$') then
        add = string.sub(add, 2)
    end
    return body .. add .. '}', seen
end

-- Gives the job an error record, written with its next move. Returns the record decoded.
local function add_error(now, job, json)
    local seen
    job.failure, seen = error_record(now, job, json)
    job.errs = job.errs + 1
    job[HAS_HASH] = 1
    return seen
end

local function cause_of(seen)
    local cause = seen.cause
    if type(cause) == 'string' and #cause <= 64 and string.find(cause, '^[%w_:%-]+$') then
        return cause
    end
    return 'handler_error'
end

-- A fingerprint is a member of a lexicographic index: what could break the index is folded into one that cannot.
local function safe_fingerprint(fp)
    if #fp >= 1 and #fp <= 64 and string.find(fp, '^[%w._%-]+$') then
        return fp
    end
    return string.sub(redis.sha1hex(fp), 1, 16)
end

-- A replayed job has ended: its replay run counts how, if the run is still kept.
local function leave_run(K, id, run, outcome)
    redis.call('HDEL', hash(K, id), 'run', 'was', 'was_payload')
    local key = K .. ':replay:' .. run
    if redis.call('EXISTS', key) == 1 then
        redis.call('HINCRBY', key, outcome, 1)
    end
end

-- The memory a dead letter takes, kept in its hash so that exactly as much is given back when it leaves the dead.
local function weigh(K, id)
    local bytes = redis.call('MEMORY', 'USAGE', hash(K, id), 'SAMPLES', 0) or 0
    redis.call('HSET', hash(K, id), 'bytes', bytes)
    return bytes
end

local function bury(K, now, job, epoch, json, fingerprint)
    local cause, fp = cause_of(add_error(now, job, json)), safe_fingerprint(fingerprint)
    write(K, job, record(job, 'dead', epoch), 'fp', fp, 'cause', cause, 'died', now)
    redis.call('ZADD', K .. ':dead', now, job[ID])
    job.placed = true
    redis.call('ZADD', K .. ':fp', 0, fp .. ':' .. job[ID])
    bump(K, 'dead:' .. cause, 1)
    bump(K, 'died', 1)
    event(K, 'dead', 'id', job[ID], 'kind', job[KIND], 'cause', cause, 'fp', fp)
    if job.run then
        leave_run(K, job[ID], job.run, 'failed')
    end
    bump(K, 'dead_bytes', weigh(K, job[ID]))
end

-- What can never run becomes a dead letter that says why, with as much of it as is kept for any other job.
local function bury_malformed(K, now, job, epoch, why)
    if #job[PAYLOAD] > PAYLOAD_MAX then
        job[PAYLOAD] = string.sub(job[PAYLOAD], 1, INLINE_MAX)
        why = why .. '; only its first ' .. INLINE_MAX .. ' bytes are kept'
    end
    bury(K, now, job, epoch, '{"code":"BAD_PAYLOAD","class":"permanent","cause":"handler_error","message":' ..
        quote(why) .. '}',
         string.sub(redis.sha1hex('BAD_PAYLOAD ' .. why), 1, 16))
end

local function retain_of(K, kind)
    return tonumber(redis.call('HGET', K .. ':cfg', 'retain:' .. kind) or RETAIN_MS)
end

-- The dedup key goes with a job that will never be done, so that its caller may enqueue it again.
local function release_unique(K, job)
    local unique = job[OPTIONS] ~= '' and string.find(job[OPTIONS], '"unique"', 1, true) and
        decode_object(job[OPTIONS]).unique
    if type(unique) == 'string' and redis.call('GET', K .. ':u:' .. unique) == job[ID] then
        redis.call('UNLINK', K .. ':u:' .. unique)
    end
end

-- Ends a job that will not be done: a status remains for a while, its body does not.
local function end_undone(K, now, job, epoch, state, reason)
    local key = hash(K, job[ID])
    redis.call('HSET', key, 'kind', job[KIND], 'band', job[BAND], 'state', state, 'n', counters_text(job, epoch),
        'created',
               job[CREATED], 'finished', now, 'reason', reason)
    redis.call('HDEL', key, 'payload', 'b', 'o', 'x', 'due', 'cancel', 'progress')
    redis.call('PEXPIRE', key, retain_of(K, job[KIND]))
    job.placed = true
    release_unique(K, job)
    bump(K, state, 1)
    if job.run then
        leave_run(K, job[ID], job.run, 'dropped')
    end
end

local function expire(K, now, job, epoch)
    end_undone(K, now, job, epoch, 'expired', 'not started before its expires')
    event(K, 'expired', 'id', job[ID], 'kind', job[KIND])
end

-- A job that asked to be cancelled while it ran ends here instead of going back to a queue.
local function end_cancelled(K, now, job, reason)
    end_undone(K, now, job, job[EPOCH], 'cancelled', reason)
end

