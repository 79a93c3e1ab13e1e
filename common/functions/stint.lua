#!lua name=stint
-- stint.lua: the life cycle of a job, one Redis Function an arrow (docs/protocol.md is the contract,
-- docs/job-lifecycle.md the picture). A Function runs alone in the server, so no crash leaves half a move; all time is
-- the server's.
--
-- Refuses to: trust an argument, a producer's entry or a hash it did not just write; move more than a stated number of
-- jobs in one call; read or write anything outside the hash tag of KEYS[1].
--
-- A job in here is the very array a worker receives (one allocation a job on the hot path), plus named fields the reply
-- does not carry: `in_hash` the payload is in the job hash, `expires` ms, after own() `errs` and `cancel`, and
-- `failure` an error record to write.

local VERSION = 2

local BANDS = {'express', 'high', 'normal', 'low'}
local IS_BAND = {express = true, high = true, normal = true, low = true}
local GROUP = 'workers'
local BAND, ENTRY, ID, KIND, EPOCH, ATTEMPTS, CRASHES, HANDBACKS, REPLAYS, SUSPECT, HAS_HASH, CREATED, DUE, OPTIONS,
    PAYLOAD = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

local MOVE_MAX = 100                 -- jobs moved by one call
local FETCH_MAX = 1000               -- jobs claimed or finished by one call
local INLINE_MAX = 4096              -- a larger payload lives in the job hash: stream nodes stay small
local PAYLOAD_MAX = 16 * 1024 * 1024
local OPTIONS_MAX = 16 * 1024
local RECORD_MAX = 16 * 1024         -- an error record, a result's or an instance's JSON is bounded apart
local RESULT_MAX = 1024 * 1024
local ERRORS_MAX = 100               -- error records kept: the first half stays, the second half holds the latest
local PARKED = 9e15                  -- score of a job whose kind is paused: after every real due time
local EVENTS_MAX, AUDIT_MAX = 1000, 10000
local RETAIN_MS = 3600000
local UNIQUE_MS = 3600000
local LONGEST_MS = 315360000000      -- ten years
local FOREIGN_IDLE_MS = 600000       -- after this long, what a stranger's consumer holds is handed back
local FINAL = {done = true, cancelled = true, expired = true}

-- ---------------------------------------------------------------------------------------------------------- arguments

local function badarg(name, allowed)
    error({stint = 'STINT_BADARG ' .. name .. ': ' .. allowed}, 0)
end

local function whole(value, name, least, most)
    local n = type(value) == 'string' and #value <= 16 and string.find(value, '^%-?%d+$') and tonumber(value)
    if not n or n < least or n > most then
        badarg(name, string.format('a whole number from %.0f to %.0f', least, most))
    end
    return n
end

-- Pattern matching is the dearest thing done for most calls, and the same few keys, kinds, consumers and counts come
-- again and again: what was found good once is remembered, in tables that start anew when they are full.
local REMEMBERED_MAX = 2048
local good, good_count = {kind = {}, key = {}, instance = {}, consumer = {}, count = {}}, 0
local function remember(what, text, value)
    if good_count >= REMEMBERED_MAX then
        good, good_count = {kind = {}, key = {}, instance = {}, consumer = {}, count = {}}, 0
    end
    good[what][text], good_count = value, good_count + 1
    return value
end

local function text(value, name, most)
    if type(value) ~= 'string' or #value > most then
        badarg(name, 'at most ' .. most .. ' bytes')
    end
    return value
end

local function valid_id(s)
    return #s <= 128 and string.find(s, '^[%w%-._:]+$') ~= nil
end

local function valid_kind(s)
    return good.kind[s] or (#s <= 32 and string.find(s, '^[a-z0-9%-]+$') ~= nil and remember('kind', s, true))
end

local function instance_arg(s)
    if good.instance[s] then
        return s
    end
    if type(s) ~= 'string' or #s > 95 or not string.find(s, '^[%w._%-]+$') then
        badarg('instance', '1 to 95 of [A-Za-z0-9._-]')
    end
    return remember('instance', s, s)
end

local function consumer_arg(s, instance)
    local owner = good.consumer[s]
    if not owner then
        owner = type(s) == 'string' and #s <= 127 and string.match(s, '^([%w._%-]+):%d+:%d+$')
        owner = owner and remember('consumer', s, owner)
    end
    if not owner or (instance and owner ~= instance) then
        badarg('consumer', '<instance>:<slot>:<generation> of the same instance')
    end
    return s
end

-- A number of jobs. There are at most a thousand good ones.
local function count_arg(value, name, least, most)
    local n = good.count[value]
    if n and n >= least and n <= most then
        return n
    end
    return remember('count', value, whole(value, name, least, most))
end

local function entry_arg(s, name)
    if type(s) ~= 'string' or #s > 41 or not string.find(s, '^%d+%-%d+$') then
        badarg(name, 'a stream entry id, <ms>-<n>')
    end
    return s
end

local function band_arg(s, name)
    if not IS_BAND[s] then
        badarg(name, 'express, high, normal or low')
    end
    return s
end

local function id_arg(s)
    if type(s) ~= 'string' or not valid_id(s) then
        badarg('id', '1 to 128 of [A-Za-z0-9._:-]')
    end
    return s
end

local function count_args(args, least, most, allowed)
    if #args < least or #args > most then
        badarg('ARGV', allowed .. ' (got ' .. #args .. ' arguments)')
    end
end

-- ------------------------------------------------------------------------------------------------------ text and JSON

-- JSON must be UTF-8, and a plain producer's bytes need not be: what is not is shown with its high bytes as '?'.
local function utf8_only(s)
    if not string.find(s, '[\128-\255]') then
        return s
    end
    local rest = string.gsub(s, '[\194-\223][\128-\191]', ' ')
    rest = string.gsub(rest, '\224[\160-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '[\225-\236\238\239][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '\237[\128-\159][\128-\191]', ' ')
    rest = string.gsub(rest, '\240[\144-\191][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '[\241-\243][\128-\191][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '\244[\128-\143][\128-\191][\128-\191]', ' ')
    if string.find(rest, '[\128-\255]') then
        return (string.gsub(s, '[\128-\255]', '?'))
    end
    return s
end

-- As JSON. A zero byte is legal in JSON but refused by many readers of it: it is shown as '?' too.
local function quote(s)
    return cjson.encode(utf8_only((string.gsub(s, '%z', '?'))))
end

-- A foreign text as a JSON value: itself when it is JSON, else a JSON string of it.
local function json_or_quoted(s)
    if pcall(cjson.decode, s) then
        return utf8_only(s)
    end
    return quote(s)
end

local function whole_number(v, least, most)
    return type(v) == 'number' and v == math.floor(v) and v >= least and v <= most
end

local function plain_text(v, most)
    return type(v) == 'string' and #v >= 1 and #v <= most and not string.find(v, '[%z\1-\31\127]')
end

-- Options a job carries: its name, whether the value will do, and what is allowed, in the words of the refusal.
local function ms_option(least)
    return {ok = function(v) return whole_number(v, least, LONGEST_MS) end,
            allowed = 'a whole number of ms from ' .. least .. ' to 315360000000'}
end
local at_option = { -- cjson writes 14 digits
    ok = function(v) return whole_number(v, 0, 99999999999999) end,
        allowed = 'a whole number of ms since 1970, at most 99999999999999'}

local CARRIED = {
    timeout_ms = {ok = function(v) return whole_number(v, 1, 2592000000) end,
        allowed = 'a whole number of ms from 1 to 2592000000'},
    attempts = {ok = function(v) return whole_number(v, 1, 1000) end, allowed = 'a whole number from 1 to 1000'},
    expires_ms = ms_option(1),
    expires_at_ms = at_option,
    unique = {ok = function(v) return plain_text(v, 256) end, allowed = '1 to 256 bytes without control characters'},
    tenant = {ok = function(v) return plain_text(v, 64) end, allowed = '1 to 64 bytes without control characters'},
    actor = {ok = function(v) return plain_text(v, 128) end, allowed = '1 to 128 bytes without control characters'},
    traceparent = {
        ok = function(v)
            return type(v) == 'string' and #v >= 55 and #v <= 63 and string.find(v, '^%x%x%-%x+%-%x+%-%x%x') and
                #string.match(v, '^%x%x%-(%x+)') == 32 and #string.match(v, '^%x%x%-%x+%-(%x+)') == 16
        end,
        allowed = 'a W3C traceparent, 00-<32 hex>-<16 hex>-<2 hex>'},
}
local ALONE = { -- options of stint_enqueue that are used up by it
    id = {ok = function(v) return type(v) == 'string' and valid_id(v) end, allowed = '1 to 128 of [A-Za-z0-9._:-]'},
    kind = {ok = function(v) return type(v) == 'string' and valid_kind(v) end, allowed = '1 to 32 of [a-z0-9-]'},
    band = {ok = function(v) return IS_BAND[v] or false end, allowed = 'express, high, normal or low'},
    delay_ms = ms_option(0),
    at_ms = at_option,
    unique = {
        ok = function(v)
            if type(v) ~= 'table' then
                return plain_text(v, 256)
            end
            for name in pairs(v) do
                if name ~= 'key' and name ~= 'window_ms' then
                    return false
                end
            end
            return plain_text(v.key, 256) and (v.window_ms == nil or whole_number(v.window_ms, 1, LONGEST_MS))
        end,
        allowed = 'a text of 1 to 256 bytes, or {"key":text,"window_ms":whole number of ms from 1}'},
}

-- Why the options are refused, or nil.
local function options_fault(options, enqueueing)
    for name, value in pairs(options) do
        local rule = enqueueing and ALONE[name] or CARRIED[name]
        if type(name) ~= 'string' or not rule or (enqueueing and name == 'expires_at_ms') then
            return 'option ' .. utf8_only(string.sub(tostring(name), 1, 64)) .. ' is unknown; allowed: ' ..
                (enqueueing and 'id, kind, band, delay_ms, at_ms, ' or '') ..
                'timeout_ms, attempts, expires_ms, unique, tenant, traceparent, actor'
        end
        if not rule.ok(value) then
            return 'option ' .. name .. ' must be ' .. rule.allowed
        end
    end
    return nil
end

local function decode_object(s)
    local fine, value = pcall(cjson.decode, s)
    if fine and type(value) == 'table' and string.find(s, '^%s*{') then
        return value
    end
    return nil
end

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

-- ------------------------------------------------------------------------------------------------------ reading a job

local function counters_text(job, epoch)
    return string.format('%d,%d,%d,%d,%d,%d,%.0f', epoch, job[ATTEMPTS], job[CRASHES], job[HANDBACKS], job[REPLAYS],
        job[SUSPECT],
                         job[CREATED])
end

-- Reads `n` into job; false when it is not what counters_text writes.
local function read_counters(job, n)
    local epoch, attempts, crashes, handbacks, replays, suspect, created =
        string.match(n, '^(%d+),(%d+),(%d+),(%d+),(%d+),([01]),(%d+)$')
    if not epoch or #n > 96 then
        return false
    end
    job[EPOCH], job[ATTEMPTS], job[CRASHES] = tonumber(epoch) + 1, tonumber(attempts), tonumber(crashes)
    job[HANDBACKS], job[REPLAYS], job[SUSPECT], job[CREATED] = tonumber(handbacks), tonumber(replays),
        tonumber(suspect), tonumber(created)
    return true
end

-- Reads `o` into job. Its producer may be a plain XADD: it is checked each time, and expires_ms made absolute.
local function read_options(job, o)
    local options = #o <= OPTIONS_MAX and decode_object(o)
    if not options then
        return 'field o is not a JSON object of at most ' .. OPTIONS_MAX .. ' bytes'
    end
    local fault = options_fault(options, false)
    if fault then
        return 'field o: ' .. fault
    end
    if options.expires_ms then
        options.expires_at_ms = options.expires_at_ms or job[DUE] + options.expires_ms
        options.expires_ms = nil
        o = cjson.encode(options)
    end
    job[OPTIONS], job.expires = o, options.expires_at_ms
    return nil
end

-- The time an entry was added: the first part of its id, which has 13 digits from 2001 to 2286.
local function entry_ms(entry)
    if string.byte(entry, 14) == 45 then
        return tonumber(string.sub(entry, 1, 13))
    end
    return tonumber(string.match(entry, '^%d+'))
end

-- The job of a ready entry, and nil or why it can never run.
local function parse(band, entry, fields)
    local kind, id, payload, o, n, h, b
    if #fields == 6 and fields[1] == 'kind' and fields[3] == 'id' and
        fields[5] == 'payload' then -- an untracked job's first run
        kind, id, payload = fields[2], fields[4], fields[6]
        if valid_kind(kind) and valid_id(id) and #payload <= PAYLOAD_MAX then
            local ms = entry_ms(entry)
            return {band, entry, id, kind, 1, 0, 0, 0, 0, 0, 0, ms, ms, '', payload}, nil
        end
    end
    for i = 1, #fields, 2 do
        local name, value = fields[i], fields[i + 1]
        if name == 'kind' then kind = value
        elseif name == 'payload' then payload = value
        elseif name == 'id' then id = value
        elseif name == 'o' then o = value
        elseif name == 'n' then n = value
        elseif name == 'h' then h = value
        elseif name == 'b' then b = value
        end
    end
    local ms = entry_ms(entry)
    local job = {band, entry, id, kind, 1, 0, 0, 0, 0, 0, 0, ms, ms, '', payload or ''}
    local why
    if not id or not valid_id(id) then
        why = id and 'field id is not 1 to 128 of [A-Za-z0-9._:-]'
        job[ID] = band .. '-' .. entry
    end
    if not kind or not valid_kind(kind) then
        why = kind and 'field kind is not 1 to 32 of [a-z0-9-]' or 'field kind is missing'
        job[KIND] = 'unknown'
    end
    if n and not read_counters(job, n) then
        why = why or 'field n is not epoch,attempts,crashes,handbacks,replays,suspect,created_ms'
    end
    if b == '1' then
        job.in_hash, job[HAS_HASH] = true, 1
    elseif h == '1' then
        job[HAS_HASH] = 1
    end
    if not payload and not job.in_hash then
        why = why or 'field payload is missing'
    elseif #job[PAYLOAD] > PAYLOAD_MAX then
        why = why or 'field payload is larger than ' .. PAYLOAD_MAX .. ' bytes'
    end
    if o then
        why = why or read_options(job, o)
    end
    return job, why
end

-- The job of a hash (scheduled or dead), not claimed; nil when the hash is gone.
local function load(K, id)
    local h = redis.call('HMGET', hash(K, id), 'kind', 'band', 'n', 'o', 'b', 'errs', 'cancel', 'state', 'x')
    if not h[8] then
        return nil
    end
    local job = {IS_BAND[h[2]] and h[2] or 'normal', h[9] or '', id, h[1] or 'unknown', 1, 0, 0, 0, 0, 0, 1, 0, 0,
        '', ''}
    if h[3] then
        read_counters(job, h[3])
    end
    if h[4] and read_options(job, h[4]) then
        job[OPTIONS] = ''
    end
    job.in_hash, job.errs, job.cancel, job.state = h[5] == '1', tonumber(h[6] or 0), h[7], h[8]
    return job
end

-- ------------------------------------------------------------------------------------------------------- moving a job

-- Settles which hash is this job's. Ids are the producers': two plain entries may share one, and a finished job's
-- status may still be kept under it. A finished one is replaced; if the id belongs to another living job, this one goes
-- on under the name of its entry, for the zsets hold an id once and the ledger would lose a job.
local function own(K, job)
    local h = redis.call('HMGET', hash(K, job[ID]), 'state', 'x', 'errs', 'cancel')
    job.errs = 0
    if h[1] and h[2] == job[ENTRY] then
        job[HAS_HASH], job.errs, job.cancel = 1, tonumber(h[3] or 0), h[4]
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
    return job
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
    if job.failure then -- beyond ERRORS_MAX the latest records replace one another in the second half
        local half = ERRORS_MAX / 2
        local at = job.errs <= half and job.errs or half + 1 + (job.errs - half - 1) % half
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
    add[#add + 1], add[#add + 2] = 'n', counters_text(job, epoch)
    job[ENTRY] = redis.call(unpack(add))
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

local function bury(K, now, job, epoch, json, fingerprint)
    local cause, fp = cause_of(add_error(now, job, json)), safe_fingerprint(fingerprint)
    write(K, job, record(job, 'dead', epoch), 'fp', fp, 'cause', cause, 'died', now)
    redis.call('ZADD', K .. ':dead', now, job[ID])
    redis.call('ZADD', K .. ':fp', 0, fp .. ':' .. job[ID])
    bump(K, 'dead:' .. cause, 1)
    bump(K, 'died', 1)
    event(K, 'dead', 'id', job[ID], 'kind', job[KIND], 'cause', cause, 'fp', fp)
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
    release_unique(K, job)
    bump(K, state, 1)
end

local function expire(K, now, job, epoch)
    end_undone(K, now, job, epoch, 'expired', 'not started before its expires')
    event(K, 'expired', 'id', job[ID], 'kind', job[KIND])
end

-- A job that asked to be cancelled while it ran ends here instead of going back to a queue.
local function end_cancelled(K, now, job, reason)
    end_undone(K, now, job, job[EPOCH], 'cancelled', reason)
end

-- ------------------------------------------------------------------------------------------------------------ streams

-- pending count and last delivered id of the band's group, as far as they exist.
local function group_info(K, band)
    local groups = redis.pcall('XINFO', 'GROUPS', stream(K, band))
    if groups.err then
        return 0, '0-0'
    end
    for _, g in ipairs(groups) do
        local info = {}
        for i = 1, #g, 2 do
            info[g[i]] = g[i + 1]
        end
        if info.name == GROUP then
            return info.pending, info['last-delivered-id']
        end
    end
    return 0, '0-0'
end

-- The oldest entry that nobody has claimed.
local function head(K, band)
    local _, last = group_info(K, band)
    return redis.call('XRANGE', stream(K, band), '(' .. last, '+', 'COUNT', 1)[1]
end

local function ready_count(K)
    local ready = 0
    for _, band in ipairs(BANDS) do
        local pending = group_info(K, band)
        ready = ready + math.max(0, redis.call('XLEN', stream(K, band)) - pending)
    end
    return ready
end

-- Earliest due time as an integer, -1 when nothing is due ever. Kinds resumed with more parked jobs than one call moves
-- are due now: promote goes on with them, so that a caller that dies between two resumes leaves nothing parked.
local function next_due(K, now)
    if redis.call('SCARD', K .. ':unpark') > 0 then
        return now
    end
    local first = redis.call('ZRANGE', K .. ':d', 0, 0, 'WITHSCORES')
    local due = first[2] and tonumber(first[2]) or PARKED
    return due < PARKED and due or -1
end

-- ------------------------------------------------------------------------------------------------------------ enqueue

local function refused(id, why)
    return '{"id":"' .. id .. '","state":"refused","why":' .. quote(why) .. '}'
end

-- The options most producers send need no JSON parser: a third of an enqueue's time.
local function read_enqueue_options(json)
    local kind = string.match(json, '^{"kind":"([a-z0-9%-]+)"}$')
    if kind then
        return {kind = kind}
    end
    local band
    kind, band = string.match(json, '^{"kind":"([a-z0-9%-]+)","band":"(%a+)"}$')
    if kind then
        return {kind = kind, band = band}
    end
    return #json <= OPTIONS_MAX and decode_object(json) or nil
end

-- Why the options cannot be taken, or nil; and a usable id for the answer.
local function enqueue_fault(options)
    if not options then
        return 'the options are not a JSON object of at most ' .. OPTIONS_MAX .. ' bytes', ''
    end
    local fault = options_fault(options, true)
    local id = type(options.id) == 'string' and valid_id(options.id) and options.id or ''
    if not fault and not options.kind then
        fault = 'option kind is missing; give 1 to 32 of [a-z0-9-]'
    elseif not fault and options.delay_ms and options.at_ms then
        fault = 'options delay_ms and at_ms exclude one another; give one of them'
    end
    return fault, id
end

-- The options the job carries along, as JSON text; "" when there are none.
local function carried_options(options, now)
    local carried
    for name in pairs(CARRIED) do
        if options[name] ~= nil then
            carried = carried or {}
            carried[name] = options[name]
        end
    end
    if not carried then
        return ''
    end
    if carried.expires_ms then
        carried.expires_at_ms, carried.expires_ms = now + carried.expires_ms, nil
    end
    if type(carried.unique) == 'table' then
        carried.unique = carried.unique.key
    end
    return cjson.encode(carried)
end

-- The id of the job that holds the dedup key, or nil after this one has taken it.
local function unique_holder(K, unique, id)
    local window = UNIQUE_MS
    if type(unique) == 'table' then
        unique, window = unique.key, unique.window_ms or UNIQUE_MS
    end
    local key = K .. ':u:' .. unique
    if redis.call('SET', key, id, 'NX', 'PX', window) then
        return nil
    end
    return redis.call('GET', key)
end

local function enqueue_later(K, now, job, due)
    schedule(K, job, 0, due)
    bump(K, 'sched', 1)
    return '{"id":"' .. job[ID] .. '","state":"scheduled"}'
end

-- A new ready job that is large or carries options.
local function enqueue_whole(K, now, job, tracked)
    local large = #job[PAYLOAD] > INLINE_MAX
    local add = {'XADD', stream(K, job[BAND]), '*', 'kind', job[KIND], 'id', job[ID], 'payload', job[PAYLOAD]}
    if large then
        add[8], add[9] = 'b', '1'
    elseif tracked then
        add[10], add[11] = 'h', '1'
    end
    if job[OPTIONS] ~= '' then
        add[#add + 1], add[#add + 2] = 'o', job[OPTIONS]
    end
    local entry = redis.call(unpack(add))
    if large then
        redis.call('HSET', hash(K, job[ID]), 'kind', job[KIND], 'band', job[BAND], 'state', 'queued', 'x', entry,
            'created', now,
                   'b', '1', 'payload', job[PAYLOAD])
    elseif tracked then
        redis.call('HSET', hash(K, job[ID]), 'kind', job[KIND], 'band', job[BAND], 'state', 'queued', 'x', entry,
            'created', now)
    end
end

-- What one options text asks for, worked out once a call however many jobs of a bulk share it.
local function read_plan(call, json)
    local options = read_enqueue_options(json)
    local plan = {}
    plan.fault, plan.given = enqueue_fault(options)
    if not plan.fault then
        plan.kind, plan.band, plan.id, plan.unique = options.kind, options.band or 'normal', options.id, options.unique
        plan.due = options.at_ms or (call.now + (options.delay_ms or 0))
        plan.carried = carried_options(options, call.now)
        plan.key = stream(call.K, plan.band)
        plan.tracked = redis.call('HGET', call.K .. ':cfg', 'track:' .. plan.kind) ~= '0'
        plan.simple = plan.carried == '' and plan.due <= call.now and not plan.unique
        plan.plain = plan.simple and not plan.tracked
    end
    call.plans[json] = plan
    return plan
end

local function enqueue(call, json, payload)
    local plan = call.plans[json] or read_plan(call, json)
    if plan.fault then
        return refused(plan.given, plan.fault)
    end
    if #payload == 0 or #payload > PAYLOAD_MAX then
        return refused(plan.given, 'the payload has ' .. #payload .. ' bytes; allowed are 1 to ' .. PAYLOAD_MAX)
    end
    local K, id = call.K, plan.id or new_id(call)
    if plan.id and redis.call('EXISTS', hash(K, id)) == 1 then
        return '{"id":"' .. id .. '","state":"duplicate","why":"a job with this id exists"}'
    end
    if plan.plain and #payload <= INLINE_MAX then -- the hot path: one command, two when tracked
        redis.call('XADD', plan.key, '*', 'kind', plan.kind, 'id', id, 'payload', payload)
        return '{"id":"' .. id .. '","state":"ready"}'
    end
    if plan.simple and #payload <= INLINE_MAX then
        local entry = redis.call('XADD', plan.key, '*', 'kind', plan.kind, 'id', id, 'payload', payload, 'h', '1')
        redis.call('HSET', hash(K, id), 'kind', plan.kind, 'band', plan.band, 'state', 'queued', 'x', entry,
            'created', call.now_text)
        return '{"id":"' .. id .. '","state":"ready"}'
    end
    local holder = plan.unique and unique_holder(K, plan.unique, id)
    if holder then
        return '{"id":' .. quote(holder) .. ',"state":"duplicate","why":"its unique key is held"}'
    end
    local job = {plan.band, '', id, plan.kind, 1, 0, 0, 0, 0, 0, 0, call.now, call.now, plan.carried, payload}
    if plan.due > call.now then
        return enqueue_later(K, call.now, job, plan.due)
    end
    enqueue_whole(K, call.now, job, plan.tracked)
    return '{"id":"' .. id .. '","state":"ready"}'
end

local function enqueue_call(K)
    local now, precise = clock()
    return {K = K, now = now, now_text = string.format('%.0f', now), precise = precise, plans = {}}
end

local function stint_enqueue(K, args)
    count_args(args, 2, 2, 'options JSON, payload')
    return enqueue(enqueue_call(K), args[1], args[2])
end

local function stint_enqueue_bulk(K, args)
    count_args(args, 2, 2 * MOVE_MAX, '1 to 100 pairs of options JSON, payload')
    if #args % 2 == 1 then
        badarg('ARGV', 'pairs of options JSON, payload')
    end
    local call, replies = enqueue_call(K), {}
    for i = 1, #args, 2 do
        replies[#replies + 1] = enqueue(call, args[i], args[i + 1])
    end
    return replies
end

-- -------------------------------------------------------------------------------------------------------------- fetch

-- Smooth weighted round robin (nginx): for each turn of a round, the bands in the order in which they are asked. A
-- table computed once for each text of weights; the caller's turn picks the row, so fetching writes no state.
local orders = {}
local orders_count = 0
local function band_orders(weights)
    local known = orders[weights]
    if known then
        return known
    end
    local high, normal, low = string.match(weights, '^(%d+):(%d+):(%d+)$')
    local weight = {high = tonumber(high), normal = tonumber(normal), low = tonumber(low)}
    local names, current, picks, total = {'high', 'normal', 'low'}, {high = 0, normal = 0, low = 0}, {},
        high + normal + low
    for turn = 1, total do
        local best
        for _, name in ipairs(names) do
            current[name] = current[name] + weight[name]
            if not best or current[name] > current[best] then
                best = name
            end
        end
        current[best] = current[best] - total
        picks[turn] = best
    end
    local rows = {}
    for turn = 1, total do
        local row, seen = {'express'}, {}
        for step = 0, total + 2 do -- a band of weight 0 is still asked, last
            local name = step < total and picks[(turn + step - 1) % total + 1] or names[step - total + 1]
            if not seen[name] then
                seen[name], row[#row + 1] = true, name
            end
        end
        rows[turn] = row
    end
    if orders_count >= 16 then
        orders, orders_count = {}, 0
    end
    orders[weights], orders_count = rows, orders_count + 1
    return rows
end

-- A band whose head waited longer than allowed goes first; the most overdue of several.
local function overdue_band(K, now)
    local limits = redis.call('HMGET', K .. ':cfg', 'max_wait:express', 'max_wait:high', 'max_wait:normal',
        'max_wait:low')
    local worst, band = 0, nil
    for i, limit in ipairs({limits[1] or '', limits[2] or '', limits[3] or '', limits[4] or ''}) do
        local first = limit ~= '' and head(K, BANDS[i])
        local over = first and now - tonumber(string.match(first[1], '^%d+')) - tonumber(limit)
        if over and over > worst then
            worst, band = over, BANDS[i]
        end
    end
    return band
end

local function band_order(K, now, turn, weights)
    local rows = band_orders(weights or '6:3:1')
    local row = rows[turn % #rows + 1]
    local first = turn % 4 == 0 and overdue_band(K, now)
    if not first then
        return row
    end
    local order = {first}
    for _, band in ipairs(row) do
        if band ~= first then
            order[#order + 1] = band
        end
    end
    return order
end

-- New entries of a band for the consumer. A group that does not exist (first fetch, or an operator removed it) is
-- created at 0, so that entries added before it are seen.
local function claim(K, band, consumer, count)
    local key = stream(K, band)
    count = tostring(count) -- redis.call writes a number with 17 digits: ten times dearer
    local read = redis.pcall('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', key, '>')
    if read and read.err then
        redis.call('XGROUP', 'CREATE', key, GROUP, '0', 'MKSTREAM')
        read = redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', key, '>')
    end
    return read and read[1] and read[1][2] or {}
end

-- Moves a claimed job that must not run now out of the way. True when it was moved.
local function set_aside(K, now, job, why, paused)
    local act
    if job.in_hash and not why then
        local h = redis.call('HMGET', hash(K, job[ID]), 'payload', 'x')
        if h[1] and h[2] == job[ENTRY] then
            job[PAYLOAD] = h[1]
        else
            why, job.in_hash = 'its payload was in the job hash, which is gone', false
        end
    end
    if why then act = bury_malformed
    elseif job.expires and job.expires <= now then act = expire
    elseif paused and paused(job[KIND]) then act = park
    else return false
    end
    redis.call('XACK', stream(K, job[BAND]), GROUP, job[ENTRY])
    redis.call('XDEL', stream(K, job[BAND]), job[ENTRY])
    own(K, job)
    if act == park then
        park(K, job, job[EPOCH] - 1)
    else
        act(K, now, job, job[EPOCH] - 1, why)
    end
    return true
end

-- Fills jobs up to want from one band; the number set aside so far bounds the work of the call.
local function read_band(K, now, band, consumer, want, jobs, aside, paused)
    while #jobs < want and aside < MOVE_MAX do
        local count = want - #jobs
        local entries = claim(K, band, consumer, count)
        for _, e in ipairs(entries) do
            local job, why = parse(band, e[1], e[2])
            if (why or job.expires or job.in_hash or paused) and set_aside(K, now, job, why, paused) then
                aside = aside + 1
            else
                jobs[#jobs + 1] = job
            end
        end
        if #entries < count then
            break
        end
    end
    return aside
end

-- Tells whether a kind is paused, asking once a kind; nil when none is.
local function paused_kinds(K, any)
    if not any then
        return nil
    end
    local known = {}
    return function(kind)
        if known[kind] == nil then
            known[kind] = redis.call('HEXISTS', K .. ':cfg', 'paused:' .. kind) == 1
        end
        return known[kind]
    end
end

-- GCRA: `tat` is the time at which the bucket would be full again. Returns how many may go now, and when the next may.
local function limiter(K, precise, rate, burst)
    local every = 1000 / rate
    local tat = math.max(tonumber(redis.call('GET', K .. ':tat') or 0), precise)
    local free = math.floor((precise - tat) / every + burst + 1e-6)
    return math.max(0, free), math.ceil(tat - (burst - 1) * every), tat, every
end

local function limiter_take(K, precise, tat, every, n)
    local full = tat + n * every
    redis.call('SET', K .. ':tat', string.format('%.3f', full), 'PX', math.ceil(full - precise) + 1000)
end

local NOTHING = -1
local function fetch(K, now, precise, instance, consumer, turn, max)
    if max == 0 then
        return {'empty', {}, NOTHING}
    end
    local lease = redis.call('ZSCORE', K .. ':i', instance)
    if not lease or tonumber(lease) <= now then
        return {'fenced', {}, NOTHING}
    end
    local cfg = redis.call('HMGET', K .. ':cfg', 'paused', 'weights', 'rate', 'burst', 'paused_kinds')
    if cfg[1] then
        return {'paused', {}, NOTHING}
    end
    local want, next_at, tat, every = max, nil, nil, nil
    if cfg[3] then
        want, next_at, tat, every = limiter(K, precise, tonumber(cfg[3]), tonumber(cfg[4] or 1))
        want = math.min(want, max)
        if want == 0 then
            return {'limited', {}, next_at}
        end
    end
    local jobs, aside, paused = {}, 0, paused_kinds(K, cfg[5])
    for _, band in ipairs(band_order(K, now, turn, cfg[2])) do
        aside = read_band(K, now, band, consumer, want, jobs, aside, paused)
        if #jobs >= want or aside >= MOVE_MAX then
            break
        end
    end
    if tat and #jobs > 0 then
        limiter_take(K, precise, tat, every, #jobs)
    end
    if #jobs > 0 then
        return {'ok', jobs, #jobs < max and next_due(K, now) or NOTHING}
    end
    return {aside > 0 and 'ok' or 'empty', jobs, next_due(K, now)}
end

-- instance, consumer, turn, max: the first four arguments of a fetch and of a finish.
local function fetch_args(args, least)
    consumer_arg(args[2], instance_arg(args[1]))
    return args[1], args[2], whole(args[3], 'turn', 0, 9e15), count_arg(args[4], 'max', least, FETCH_MAX)
end

local function stint_fetch(K, args)
    count_args(args, 4, 4, 'instance, consumer, turn, max')
    local now, precise = clock()
    return fetch(K, now, precise, fetch_args(args, 1))
end

-- ------------------------------------------------------------------------------------------------------------- finish

-- The status of a finished job is written to its hash; a hash that is another living job's (a shared id) is left alone.
local function keep_result(K, now, band, entry, id, result, retain)
    local key = hash(K, id)
    local h = redis.call('HMGET', key, 'x', 'state', 'b')
    local mine = h[1] == entry
    if h[2] and not mine and not FINAL[h[2]] then
        return
    end
    if retain == '0' then
        if mine then
            redis.call('UNLINK', key)
        end
        return
    end
    if mine then
        redis.call('HSET', key, 'state', 'done', 'finished', now, 'result', result)
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
                   'result', result)
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

-- Finishes jobs of a band that are done: one XACK and one XDEL for all. keep: entry -> the rest of its op, for those
-- whose status is kept. Returns how many were accepted.
local function finish_done(K, now, band, entries, keep)
    local key = stream(K, band)
    local acked = redis.pcall('XACK', key, GROUP, unpack(entries))
    if type(acked) ~= 'number' or acked == 0 then
        return 0
    end
    if acked ~= #entries then
        entries = held_of(K, band, entries)
    end
    local now_text = string.format('%.0f', now)
    for _, entry in ipairs(entries) do
        local op = keep[entry]
        if op then
            keep_result(K, now_text, band, entry, op[1], op[2], op[3])
        end
    end
    if #entries > 0 then
        redis.call('XDEL', key, unpack(entries))
    end
    return acked
end

local function op_retry(K, now, band, entry, _, json, delay)
    local job = take(K, band, entry)
    if not job or job.gone then
        return job and 1 or 0
    end
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled while it ran')
        return 1
    end
    job[ATTEMPTS] = job[ATTEMPTS] + 1
    add_error(now, job, json)
    ready_or_scheduled(K, now, job, job[EPOCH], delay)
    bump(K, 'retried', 1)
    event(K, 'retry', 'id', job[ID], 'kind', job[KIND], 'due', string.format('%.0f', now + delay))
    return 1
end

local function op_dead(K, now, band, entry, _, json, fingerprint)
    local job = take(K, band, entry)
    if not job or job.gone then
        return job and 1 or 0
    end
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled while it ran')
        return 1
    end
    job[ATTEMPTS] = job[ATTEMPTS] + 1
    bury(K, now, job, job[EPOCH], json, fingerprint)
    return 1
end

local function op_snooze(K, now, band, entry, _, _, delay)
    local job = take(K, band, entry)
    if not job or job.gone then
        return job and 1 or 0
    end
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled while it ran')
        return 1
    end
    ready_or_scheduled(K, now, job, job[EPOCH], delay)
    bump(K, 'snoozed', 1)
    return 1
end

local function op_cancelled(K, now, band, entry, _, reason)
    local job = take(K, band, entry)
    if not job or job.gone then
        return job and 1 or 0
    end
    end_cancelled(K, now, job, reason)
    return 1
end

local function delay_arg(s, name)
    return whole(s, name, 0, LONGEST_MS)
end

-- What an op does, and how its two arguments are checked (each returns the value used).
local OPS = {
    retry = {run = op_retry, b = delay_arg},
    dead = {run = op_dead},
    snooze = {run = op_snooze, b = delay_arg},
    cancelled = {run = op_cancelled, a = function(s) return text(s, 'a of cancelled (reason)', 1024) end},
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
        if not good.count[args[i + 5]] then
            remember('count', args[i + 5], delay_arg(args[i + 5], 'b of done'))
        end
        at.keep[entry] = {id_arg(args[i + 3]), text(args[i + 4], 'a of done (result JSON)', RESULT_MAX), args[i + 5]}
    end
end

-- Every op is checked before the first is applied: a wrong argument changes nothing. Returns what is done by band, and
-- the other ops. An ack's id, a and b are not used.
local function finish_ops(args)
    local n = count_arg(args[5], 'n', 0, FETCH_MAX)
    if #args ~= 5 + 6 * n then
        badarg('ARGV', 'instance, consumer, turn, max, n, then n times op, band, entry, id, a, b')
    end
    local bands, ops = {}, {}
    for i = 6, #args, 6 do
        local op = args[i]
        if op == 'ack' or op == 'done' then
            put_done(bands, op, args, i)
        else
            local rule = OPS[op]
            if not rule then
                badarg('op', 'ack, done, retry, dead, snooze or cancelled')
            end
            local a, b = args[i + 4], args[i + 5]
            ops[#ops + 1] = {rule.run, band_arg(args[i + 1], 'band'), entry_arg(args[i + 2], 'entry'),
                id_arg(args[i + 3]),
                             rule.a and rule.a(a) or a, rule.b and rule.b(b, 'b of ' .. op) or b}
        end
    end
    return bands, ops
end

local function stint_finish(K, args)
    count_args(args, 5, 5 + 6 * FETCH_MAX, 'instance, consumer, turn, max, n, then n times op, band, entry, id, a, b')
    local instance, consumer, turn, max = fetch_args(args, 0)
    local bands, ops = finish_ops(args)
    local now, precise = clock()
    local accepted, done = 0, 0
    for _, op in ipairs(ops) do
        accepted = accepted + op[1](K, now, op[2], op[3], op[4], op[5], op[6])
    end
    for band, at in pairs(bands) do
        done = done + finish_done(K, now, band, at.entries, at.keep)
    end
    if done > 0 then
        bump(K, 'done', done)
    end
    return {accepted + done, fetch(K, now, precise, instance, consumer, turn, max)}
end

-- -------------------------------------------------------------------------------------------- hand back, crash, sweep

-- Back to ready (or later) at no cost to the job: it was not its fault.
local function hand_back(K, now, job, delay)
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled before it ran again')
        return 'cancelled'
    end
    job[HANDBACKS] = job[HANDBACKS] + 1
    ready_or_scheduled(K, now, job, job[EPOCH], delay)
    bump(K, 'handed_back', 1)
    return 'handed_back'
end

local function stint_handback(K, args)
    count_args(args, 5, 3 + 2 * MOVE_MAX, 'consumer, reason, delay_ms, then 1 to 100 times band, entry')
    consumer_arg(args[1])
    text(args[2], 'reason', 1024)
    local delay = delay_arg(args[3], 'delay_ms')
    if #args % 2 == 0 then
        badarg('ARGV', 'consumer, reason, delay_ms, then pairs of band, entry')
    end
    for i = 4, #args, 2 do
        band_arg(args[i], 'band')
        entry_arg(args[i + 1], 'entry')
    end
    local now, count = clock(), 0
    for i = 4, #args, 2 do
        local job = take(K, args[i], args[i + 1])
        if job and not job.gone then
            hand_back(K, now, job, delay)
        end
        count = count + (job and 1 or 0)
    end
    return count
end

-- The job that ran when its process died.
local function blame(K, now, job, why)
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled; its process died')
        return 'cancelled'
    end
    job[CRASHES] = job[CRASHES] + 1
    bump(K, 'crashed', 1)
    if job[CRASHES] >= why.limit then
        bury(K, now, job, job[EPOCH], why.json, why.fingerprint)
        return 'dead'
    end
    add_error(now, job, why.json)
    ready_or_scheduled(K, now, job, job[EPOCH], why.delay)
    event(K, 'retry', 'id', job[ID], 'kind', job[KIND], 'due', string.format('%.0f', now + why.delay))
    return 'retried'
end

-- One of several that may have killed their process: run alone next time, and blamed only if it does it again.
local function suspect(K, now, job)
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled; its process died')
        return 'cancelled'
    end
    job[SUSPECT] = 1
    add_entry(K, job, job[EPOCH])
    bump(K, 'suspected', 1)
    return 'handed_back'
end

-- Entry ids are a stream's own: two bands may both hold one. '<band>:<entry>' names one job; a bare entry id that
-- several held entries answer to makes them all suspects rather than one of them guilty.
local function resolve_blame(K, consumer, blamed)
    if blamed == '' or blamed == '*' or string.find(blamed, ':', 1, true) then
        return blamed
    end
    local found
    for _, band in ipairs(BANDS) do
        local pending = redis.pcall('XPENDING', stream(K, band), GROUP, blamed, blamed, 1, consumer)
        if not pending.err and pending[1] then
            if found then
                return '*'
            end
            found = band .. ':' .. blamed
        end
    end
    return found or ''
end

-- Moves up to `most` entries a consumer holds. blamed: '<band>:<entry>', '*', '' or 'all'.
local function move_pending(K, now, consumer, blamed, why, most, moved)
    for _, band in ipairs(BANDS) do
        local pending = redis.pcall('XPENDING', stream(K, band), GROUP, '-', '+', most, consumer)
        for _, p in ipairs(pending.err and {} or pending) do
            if most == 0 then
                break
            end
            local job = take(K, band, p[1])
            if job and not job.gone then
                local outcome
                if blamed == '*' then
                    outcome = suspect(K, now, job)
                elseif blamed == 'all' or blamed == band .. ':' .. p[1] then
                    outcome = blame(K, now, job, why)
                else
                    outcome = hand_back(K, now, job, 0)
                end
                moved[#moved + 1] = {job[ID], outcome}
            end
            most = most - 1
        end
        if most == 0 then
            break
        end
    end
    return most
end

-- Entries the consumer holds, over the bands.
local function held(K, consumer)
    local count = 0
    for _, band in ipairs(BANDS) do
        local summary = redis.pcall('XPENDING', stream(K, band), GROUP)
        for _, c in ipairs(not summary.err and summary[4] or {}) do
            if c[1] == consumer then
                count = count + tonumber(c[2])
            end
        end
    end
    return count
end

-- Only ever called when the consumer holds nothing: deleting one with pending entries would make them unreachable.
local function forget_consumer(K, consumer)
    for _, band in ipairs(BANDS) do
        redis.pcall('XGROUP', 'DELCONSUMER', stream(K, band), GROUP, consumer)
    end
end

local function why_args(json, fingerprint, limit, delay)
    text(json, 'error JSON', RECORD_MAX)
    if not decode_object(json) then
        badarg('error JSON', 'a JSON object')
    end
    return {json = json, fingerprint = fingerprint, limit = whole(limit, 'crash limit', 1, 1000), delay = delay}
end

local function stint_crash(K, args)
    count_args(args, 6, 6, 'consumer, blame, error JSON, fingerprint, crash limit, delay_ms')
    local consumer, blamed = consumer_arg(args[1]), args[2]
    if blamed ~= '' and blamed ~= '*' then
        local band, entry = string.match(blamed, '^(%a+):(.*)$')
        entry_arg(entry or blamed, 'blame (<band>:<entry>, * or "")')
        band_arg(band or 'normal', 'blame (<band>:<entry>, * or "")')
    end
    local why = why_args(args[3], text(args[4], 'fingerprint', 256), args[5], delay_arg(args[6], 'delay_ms'))
    local now, moved = clock(), {}
    blamed = resolve_blame(K, consumer, blamed)
    move_pending(K, now, consumer, blamed, why, MOVE_MAX, moved)
    local remaining = held(K, consumer)
    if remaining == 0 then
        forget_consumer(K, consumer)
    end
    return {moved, remaining}
end

-- Consumers of the group and what they hold: name -> {held, idle, owner}. owner is nil for a name that is not ours.
local function consumers(K)
    local all = {}
    for _, band in ipairs(BANDS) do
        local infos = redis.pcall('XINFO', 'CONSUMERS', stream(K, band), GROUP)
        for _, raw in ipairs(infos.err and {} or infos) do
            local info = {}
            for i = 1, #raw, 2 do
                info[raw[i]] = raw[i + 1]
            end
            local c = all[info.name] or {held = 0, idle = info.idle, owner = string.match(info.name,
                '^([%w._%-]+):%d+:%d+$')}
            c.held, c.idle = c.held + info.pending, math.min(c.idle, info.idle)
            all[info.name] = c
        end
    end
    return all
end

-- Whether a consumer's entries must be taken from it: its instance's lease ended or was never held. A name that is no
-- stint consumer's (somebody read the group by hand) is given time.
local function is_lost(K, now, name, c)
    if not c.owner then
        return c.held > 0 and c.idle > FOREIGN_IDLE_MS
    end
    local lease = redis.call('ZSCORE', K .. ':i', c.owner)
    return not lease or tonumber(lease) <= now
end

-- How many owners are gone while something of theirs is left to clean up.
local function lost_owners(K, now)
    local count = redis.call('ZCOUNT', K .. ':i', '-inf', now)
    for name, c in pairs(consumers(K)) do
        if c.held > 0 and is_lost(K, now, name, c) and not (c.owner and redis.call('ZSCORE', K .. ':i', c.owner)) then
            count = count + 1
        end
    end
    return count
end

local function forget_instances(K, now)
    local gone = redis.call('ZRANGEBYSCORE', K .. ':i', '-inf', now, 'LIMIT', 0, MOVE_MAX)
    local holds = {}
    for _, c in pairs(consumers(K)) do
        if c.owner and c.held > 0 then
            holds[c.owner] = true
        end
    end
    for _, instance in ipairs(gone) do
        if not holds[instance] then
            redis.call('ZREM', K .. ':i', instance)
            redis.call('HDEL', K .. ':ii', instance)
            event(K, 'lost', 'id', instance)
        end
    end
end

local function stint_sweep(K, args)
    count_args(args, 2, 2, 'error JSON, crash limit')
    local why = why_args(args[1], '', args[2], 0)
    local now, budget, moved, remaining = clock(), MOVE_MAX, {}, 0
    why.fingerprint = string.sub(redis.sha1hex('worker_lost'), 1, 16)
    local all, names = consumers(K), {}
    for name in pairs(all) do
        names[#names + 1] = name
    end
    table.sort(names) -- the order in which jobs come back is not left to a hash table
    for _, name in ipairs(names) do
        local c = all[name]
        if is_lost(K, now, name, c) then
            local most = math.min(budget, c.held)
            if c.held - most == 1 then
                most = most - 1 -- one left over for the next call would look like the only one and be blamed
            end
            local blamed = c.owner and (c.held == 1 and 'all' or '*') or ''
            if most > 0 then
                budget = budget - most + move_pending(K, now, name, blamed, why, most, moved)
            end
            local left = held(K, name)
            remaining = remaining + left
            if left == 0 then
                forget_consumer(K, name)
            end
        end
    end
    forget_instances(K, now)
    return {moved, remaining}
end

-- ---------------------------------------------------------------------------------------------------------- instances

local function stint_beat(K, args)
    count_args(args, 3, 3, 'instance, lease_ms, info JSON')
    local instance = instance_arg(args[1])
    local lease = whole(args[2], 'lease_ms', 1, 86400000)
    text(args[3], 'info JSON', RECORD_MAX)
    local now = clock()
    redis.call('ZADD', K .. ':i', now + lease, instance)
    redis.call('HSET', K .. ':ii', instance, args[3])
    return {now, next_due(K, now), ready_count(K), lost_owners(K, now), redis.call('HEXISTS', K .. ':cfg', 'paused')}
end

local function stint_bye(K, args)
    count_args(args, 1, 1, 'instance')
    local instance, left = instance_arg(args[1]), 0
    local mine = {}
    for name, c in pairs(consumers(K)) do
        if c.owner == instance then
            left = left + c.held
            mine[#mine + 1] = name
        end
    end
    if left == 0 then
        for _, name in ipairs(mine) do
            forget_consumer(K, name)
        end
        redis.call('ZREM', K .. ':i', instance)
        redis.call('HDEL', K .. ':ii', instance)
    end
    return left
end

-- -------------------------------------------------------------------------------------------- due, expired, cancelled

-- A due job's way back to ready; what it is by now decides.
local function promote_one(K, now, id)
    redis.call('ZREM', K .. ':d', id)
    local job = load(K, id)
    if not job then -- its hash was removed by hand; the dead letter keeps the ledger whole and says so
        job = {'normal', '', id, 'unknown', 1, 0, 0, 0, 0, 0, 0, now, now, '', ''}
        job.errs = 0
        bury_malformed(K, now, job, 0, 'its job hash, which held the payload, is gone')
    elseif job.cancel then
        end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', 'cancelled')
    elseif job.expires and job.expires <= now then
        expire(K, now, job, job[EPOCH] - 1)
    elseif redis.call('HEXISTS', K .. ':cfg', 'paused:' .. job[KIND]) == 1 then
        park(K, job, job[EPOCH] - 1)
    else
        add_entry(K, job, job[EPOCH] - 1)
    end
end

-- Brings back up to `most` parked jobs of a kind; the kind is forgotten when none is left.
local function unpark(K, now, kind, most)
    local key = K .. ':p:' .. kind
    local ids = redis.call('SRANDMEMBER', key, most)
    for _, id in ipairs(ids) do
        redis.call('SREM', key, id)
        if redis.call('ZSCORE', K .. ':d', id) then
            promote_one(K, now, id)
        end
    end
    if redis.call('SCARD', key) == 0 then
        redis.call('SREM', K .. ':unpark', kind)
    end
    return #ids
end

local function stint_promote(K, args)
    count_args(args, 1, 1, 'max')
    local max = whole(args[1], 'max', 1, MOVE_MAX)
    local now, count = clock(), 0
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', K .. ':d', '-inf', now, 'LIMIT', 0, max)) do
        promote_one(K, now, id)
        count = count + 1
    end
    for _, kind in ipairs(redis.call('SMEMBERS', K .. ':unpark')) do
        if count < max then
            count = count + unpark(K, now, kind, max - count)
        end
    end
    return {count, next_due(K, now)}
end

-- Expires ready entries at the head of a band. Returns how many of `max` looks are left, and the number expired.
local function expire_ready(K, now, band, max)
    local key, count = stream(K, band), 0
    local _, last = group_info(K, band)
    for _, e in ipairs(redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', max)) do
        local job, why = parse(band, e[1], e[2])
        if not why and job.expires and job.expires <= now and redis.call('XDEL', key, e[1]) == 1 then
            own(K, job)
            expire(K, now, job, job[EPOCH] - 1)
            count = count + 1
        end
    end
    return count
end

local function stint_expire(K, args)
    count_args(args, 1, 1, 'max')
    local max = whole(args[1], 'max', 1, MOVE_MAX)
    local now, count = clock(), 0
    for _, band in ipairs(BANDS) do
        count = count + expire_ready(K, now, band, max - count)
        if count >= max then
            return count
        end
    end
    for _, id in ipairs(redis.call('ZRANGE', K .. ':d', 0, max - count - 1)) do
        local job = load(K, id)
        if job and job.expires and job.expires <= now then
            redis.call('ZREM', K .. ':d', id)
            redis.call('SREM', K .. ':p:' .. job[KIND], id)
            expire(K, now, job, job[EPOCH] - 1)
            count = count + 1
        end
    end
    return count
end

-- Where a queued job's entry is: 'ready', 'active' with its consumer, or nil when it is gone.
local function entry_state(K, band, entry)
    local pending = redis.pcall('XPENDING', stream(K, band), GROUP, entry, entry, 1)
    if not pending.err and pending[1] then
        return 'active', pending[1][2]
    end
    if redis.call('XRANGE', stream(K, band), entry, entry)[1] then
        return 'ready'
    end
    return nil
end

-- band, entry of a queued job by its id; an untracked job is found when its id is that of its entry.
local function find_queued(K, id)
    local h = redis.call('HMGET', hash(K, id), 'state', 'band', 'x')
    if h[1] then
        return h[1], h[2], h[3]
    end
    local band, entry = string.match(id, '^(%a+)%-(%d+%-%d+)$')
    if band and IS_BAND[band] then
        return 'queued', band, entry
    end
    return nil
end

local function cancel_queued(K, now, id, band, entry, reason, actor)
    local state = entry_state(K, band, entry)
    if not state then
        return nil
    end
    local job = parse(band, entry, redis.call('XRANGE', stream(K, band), entry, entry)[1][2])
    if state == 'active' then
        local key = hash(K, id)
        local fresh = redis.call('EXISTS', key) == 0
        redis.call('HSET', key, 'kind', job[KIND], 'band', band, 'state', 'queued', 'x', entry, 'cancel',
                   '{"reason":' .. quote(reason) .. ',"actor":' .. quote(actor) .. string.format(',"at_ms":%.0f}', now))
        if fresh then -- an untracked job's end will not look at it: the flag must not outlive the job for ever
            redis.call('PEXPIRE', key, RETAIN_MS)
        end
        event(K, 'cancel', 'id', id, 'kind', job[KIND], 'entry', entry, 'band', band)
        return 'cancelling'
    end
    redis.call('XDEL', stream(K, band), entry)
    own(K, job)
    end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', reason)
    return 'cancelled'
end

local function notfound(id)
    error({stint = 'STINT_NOTFOUND no job ' .. id ..
        ': it never existed, is not tracked, or its status was kept long enough'}, 0)
end

local function stint_cancel(K, args)
    count_args(args, 3, 3, 'id, reason, actor')
    local id, reason, actor = id_arg(args[1]), text(args[2], 'reason', 1024), text(args[3], 'actor', 128)
    local now = clock()
    local state, band, entry = find_queued(K, id)
    if state == 'scheduled' then
        local job = load(K, id)
        redis.call('ZREM', K .. ':d', id)
        redis.call('SREM', K .. ':p:' .. job[KIND], id)
        end_undone(K, now, job, job[EPOCH] - 1, 'cancelled', reason)
        state = 'cancelled'
    elseif state == 'queued' and entry then
        state = cancel_queued(K, now, id, band, entry, reason, actor)
    end
    if not state or state == 'queued' then
        notfound(id)
    end
    if state == 'cancelled' or state == 'cancelling' then
        audit(K, 'cancel', actor, reason, 'id', id)
    end
    return '{"id":"' .. id .. '","state":"' .. state .. '"}'
end

-- ---------------------------------------------------------------------------------------------------------- operators

local function pause_args(args)
    count_args(args, 3, 3, 'kind or "", actor, reason')
    if args[1] ~= '' and not valid_kind(args[1]) then
        badarg('kind', '1 to 32 of [a-z0-9-], or "" for the whole queue')
    end
    return args[1], text(args[2], 'actor', 128), text(args[3], 'reason', 1024)
end

local function stint_pause(K, args)
    local kind, actor, reason = pause_args(args)
    local now, cfg = clock(), K .. ':cfg'
    local field = kind == '' and 'paused' or 'paused:' .. kind
    local value = '{"at_ms":' .. now .. ',"actor":' .. quote(actor) .. ',"reason":' .. quote(reason) .. '}'
    if redis.call('HSETNX', cfg, field, value) == 0 then
        return 0
    end
    if kind ~= '' then
        redis.call('HINCRBY', cfg, 'paused_kinds', 1)
        redis.call('SREM', K .. ':unpark', kind)
    end
    audit(K, 'pause', actor, reason, 'kind', kind)
    event(K, 'pause', 'kind', kind)
    return 1
end

local function stint_resume(K, args)
    local kind, actor, reason = pause_args(args)
    local now, cfg = clock(), K .. ':cfg'
    local changed = redis.call('HDEL', cfg, kind == '' and 'paused' or 'paused:' .. kind)
    if changed == 1 then
        audit(K, 'resume', actor, reason, 'kind', kind)
        if kind ~= '' then
            if redis.call('HINCRBY', cfg, 'paused_kinds', -1) <= 0 then
                redis.call('HDEL', cfg, 'paused_kinds')
            end
            redis.call('SADD', K .. ':unpark', kind)
        end
    end
    local brought = kind ~= '' and redis.call('HEXISTS', cfg, 'paused:' .. kind) == 0 and unpark(K, now, kind,
        MOVE_MAX) or 0
    if changed == 1 or brought > 0 then
        event(K, 'resume', 'kind', kind)
        return 1
    end
    return 0
end

local REPLAY_OPTIONS = {
    band = ALONE.band, kind = ALONE.kind, delay_ms = ALONE.delay_ms,
    payload = {ok = function(v) return type(v) == 'string' and #v >= 1 and #v <= PAYLOAD_MAX end,
        allowed = 'a text of 1 to 16777216 bytes'},
    guard = {ok = function(v) return whole_number(v, 0, 1000000) end, allowed = 'a whole number from 0 to 1000000'},
}

local function replay_options(json)
    local options = json == '' and {} or decode_object(json)
    if not options then
        badarg('options', 'a JSON object or ""')
    end
    for name, value in pairs(options) do
        local rule = REPLAY_OPTIONS[name]
        if not rule then
            badarg('options', utf8_only(string.sub(tostring(name), 1, 64)) ..
                ' is unknown; allowed: band, kind, payload, delay_ms, guard')
        elseif not rule.ok(value) then
            badarg('options', name .. ' must be ' .. rule.allowed)
        end
    end
    return options
end

-- Takes a dead letter out of its indexes; the hash stays.
local function exhume(K, id)
    local h = redis.call('HMGET', hash(K, id), 'fp', 'cause')
    redis.call('ZREM', K .. ':dead', id)
    redis.call('ZREM', K .. ':fp', (h[1] or '') .. ':' .. id)
    if h[2] and redis.call('HINCRBY', K .. ':ledger', 'dead:' .. h[2], -1) <= 0 then
        redis.call('HDEL', K .. ':ledger', 'dead:' .. h[2])
    end
end

-- A replay starts afresh: a deadline that passed while the job was dead is not held against it.
local function without_expiry(job)
    local options = job[OPTIONS] ~= '' and decode_object(job[OPTIONS])
    if options and options.expires_at_ms then
        options.expires_at_ms = nil
        job[OPTIONS] = next(options) and cjson.encode(options) or ''
        job.expires = nil
    end
end

local function replay_one(K, now, id, options)
    if not redis.call('ZSCORE', K .. ':dead', id) then
        return 'notfound'
    end
    local job = load(K, id)
    if not job then
        return 'notfound'
    end
    if job[REPLAYS] >= (options.guard or 5) then
        return 'guard'
    end
    exhume(K, id)
    local key = hash(K, id)
    redis.call('HDEL', key, 'fp', 'cause', 'died', 'cancel', 'o')
    if options.payload then -- the payload that failed stays beside the edited one
        redis.call('HSETNX', key, 'payload_before', redis.call('HGET', key, 'payload') or '')
        redis.call('HSET', key, 'payload', options.payload, 'b', '1')
        job.in_hash = true
    end
    without_expiry(job)
    job[BAND], job[KIND] = options.band or job[BAND], options.kind or job[KIND]
    job[ATTEMPTS], job[CRASHES], job[SUSPECT], job[REPLAYS] = 0, 0, 0, job[REPLAYS] + 1
    ready_or_scheduled(K, now, job, job[EPOCH] - 1, options.delay_ms or 0)
    bump(K, 'replayed', 1)
    event(K, 'replay', 'id', id, 'kind', job[KIND])
    return 'ready'
end

local function stint_replay(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, options JSON, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    local options = replay_options(args[2])
    local now, replies, count = clock(), {}, 0
    for i = 3, #args do
        id_arg(args[i])
    end
    for i = 3, #args do
        replies[#replies + 1] = replay_one(K, now, args[i], options)
        count = count + (replies[#replies] == 'ready' and 1 or 0)
    end
    if count > 0 then
        audit(K, 'replay', args[1], '', 'count', count, 'first', args[3], 'last', args[#args])
    end
    return replies
end

local function stint_purge(K, args)
    count_args(args, 3, 2 + MOVE_MAX, 'actor, reason, then 1 to 100 ids')
    text(args[1], 'actor', 128)
    text(args[2], 'reason', 1024)
    for i = 3, #args do
        id_arg(args[i])
    end
    local count = 0
    for i = 3, #args do
        local id = args[i]
        if redis.call('ZSCORE', K .. ':dead', id) then
            local job = load(K, id)
            if job then
                release_unique(K, job)
            end
            exhume(K, id)
            redis.call('UNLINK', hash(K, id))
            bump(K, 'purged', 1)
            count = count + 1
        end
    end
    if count > 0 then
        audit(K, 'purge', args[1], args[2], 'count', count, 'first', args[3], 'last', args[#args])
    end
    return count
end

local function stint_progress(K, args)
    count_args(args, 4, 4, 'id, epoch, percent, message')
    local id, epoch = id_arg(args[1]), whole(args[2], 'epoch', 1, 9e15)
    local percent = whole(args[3], 'percent', 0, 100)
    text(args[4], 'message', 1024)
    local now = clock()
    local h = redis.call('HMGET', hash(K, id), 'state', 'n')
    local claims = tonumber(h[2] and string.match(h[2], '^%d+') or 0) + 1
    if h[1] ~= 'queued' or claims ~= epoch then
        return 0
    end
    redis.call('HSET', hash(K, id), 'progress',
               '{"percent":' .. percent .. ',"message":' .. quote(args[4]) .. string.format(',"at_ms":%.0f}', now))
    return 1
end

local YES = {['1'] = '1', yes = '1', ['true'] = '1', on = '1', ['0'] = '0', no = '0', ['false'] = '0', off = '0'}

-- What a configuration field may hold: the value to store, or nil and what is allowed.
local function config_value(field, value)
    local name, arg = string.match(field, '^([a-z_]+):?(.*)$')
    local n = string.find(value, '^%d+%.?%d*$') and #value <= 16 and tonumber(value)
    if field == 'weights' then
        local a, b, c = string.match(value, '^(%d%d?):(%d%d?):(%d%d?)$')
        return a and tonumber(a) + tonumber(b) + tonumber(c) > 0 and value or nil,
            'high:normal:low, each 0 to 99 and not all 0'
    elseif field == 'rate' then
        return n and n >= 0.001 and n <= 1000000 and value or nil, 'jobs per second from 0.001 to 1000000'
    elseif field == 'burst' then
        return n and whole_number(n, 1, 1000000) and value or nil, 'a whole number from 1 to 1000000'
    elseif name == 'max_wait' and IS_BAND[arg] then
        return n and whole_number(n, 1, LONGEST_MS) and value or nil, 'a whole number of ms from 1'
    elseif name == 'track' and valid_kind(arg) then
        return YES[value], '1 or 0'
    elseif name == 'retain' and valid_kind(arg) then
        return n and whole_number(n, 1, LONGEST_MS) and value or nil, 'a whole number of ms from 1'
    end
    badarg('field', 'weights, rate, burst, max_wait:<band>, track:<kind> or retain:<kind>; pausing has Functions')
end

local function stint_config(K, args)
    count_args(args, 3, 3, 'field, value, actor')
    local field, value, actor = text(args[1], 'field', 64), text(args[2], 'value', 64), text(args[3], 'actor', 128)
    local stored, allowed = config_value(field, value)
    if value ~= '' and not stored then
        badarg('value', 'of ' .. field .. ': ' .. allowed)
    end
    local before = redis.call('HGET', K .. ':cfg', field) or ''
    if value == '' then
        redis.call('HDEL', K .. ':cfg', field)
    else
        redis.call('HSET', K .. ':cfg', field, stored)
    end
    if before ~= (stored or '') then -- hosts say the same at each start: only a change is news
        audit(K, 'config', actor, '', 'field', field, 'value', value, 'before', before)
        event(K, 'config', 'field', field)
    end
    return 1
end

-- ------------------------------------------------------------------------------------------------------------ looking

-- Appends name:value to the JSON parts; nil values are left out.
local function put(parts, name, json)
    if json then
        parts[#parts + 1] = '"' .. name .. '":' .. json
    end
end

local function put_counters(parts, job)
    for name, at in pairs({epoch = EPOCH, attempts = ATTEMPTS, crashes = CRASHES, handbacks = HANDBACKS,
        replays = REPLAYS,
                           created_ms = CREATED}) do
        put(parts, name, string.format('%.0f', job[at]))
    end
    put(parts, 'suspect', job[SUSPECT] == 1 and 'true' or 'false')
end

local function put_errors(parts, h)
    local total, errors = tonumber(h.errs or 0), {}
    for i = 1, math.min(total, ERRORS_MAX) do
        if h['err:' .. i] then
            errors[#errors + 1] = json_or_quoted(h['err:' .. i])
        end
    end
    put(parts, 'errors_total', tostring(total))
    put(parts, 'errors', '[' .. table.concat(errors, ',') .. ']')
end

local function put_hash(parts, h)
    put(parts, 'payload_before', h.payload_before and quote(h.payload_before))
    put(parts, 'progress', h.progress and json_or_quoted(h.progress))
    put(parts, 'cancel', h.cancel and json_or_quoted(h.cancel))
    put(parts, 'result', h.result and (h.result == '' and 'null' or json_or_quoted(h.result)))
    put(parts, 'reason', h.reason and quote(h.reason))
    put(parts, 'finished_ms', h.finished)
    put(parts, 'fingerprint', h.fp and quote(h.fp))
    put(parts, 'cause', h.cause and quote(h.cause))
    put(parts, 'died_ms', h.died)
    put_errors(parts, h)
end

local function stint_job(K, args)
    count_args(args, 1, 1, 'id')
    local id = id_arg(args[1])
    local state, band, entry = find_queued(K, id)
    local raw, h = redis.call('HGETALL', hash(K, id)), {}
    for i = 1, #raw, 2 do
        h[raw[i]] = raw[i + 1]
    end
    local job, consumer = state and load(K, id), nil
    if state == 'queued' and entry then
        state, consumer = entry_state(K, band, entry)
        job = state and parse(band, entry, redis.call('XRANGE', stream(K, band), entry, entry)[1][2])
        if job and state == 'ready' then
            job[EPOCH] = job[EPOCH] - 1
        end
    elseif job then
        if state ~= 'done' then -- a hash at rest keeps the number of claims so far; finishing adds none
            job[EPOCH] = job[EPOCH] - 1
        end
        job[CREATED] = tonumber(h.created or job[CREATED])
    end
    if not state or not job then
        notfound(id)
    end
    local parts = {}
    put(parts, 'id', quote(id))
    put(parts, 'queue', quote(string.match(K, '{(.*)}')))
    put(parts, 'kind', quote(job[KIND]))
    put(parts, 'band', quote(job[BAND]))
    put(parts, 'state', '"' .. state .. '"')
    put_counters(parts, job)
    if state == 'scheduled' then
        local due = tonumber(redis.call('ZSCORE', K .. ':d', id) or 0)
        put(parts, 'due_ms', due < PARKED and string.format('%.0f', due) or nil)
        put(parts, 'parked', due >= PARKED and 'true' or nil)
    elseif state == 'ready' or state == 'active' then
        put(parts, 'due_ms', string.format('%.0f', job[DUE]))
        put(parts, 'entry', quote(entry))
        put(parts, 'consumer', consumer and quote(consumer))
    end
    put(parts, 'options', job[OPTIONS] ~= '' and job[OPTIONS] or '{}')
    put(parts, 'payload', (h.payload or job[PAYLOAD] ~= '') and quote(h.payload or job[PAYLOAD]) or nil)
    put_hash(parts, h)
    return '{' .. table.concat(parts, ',') .. '}'
end

local function stream_added(K, band)
    local info = redis.pcall('XINFO', 'STREAM', stream(K, band))
    for i = 1, info.err and 0 or #info, 2 do
        if info[i] == 'entries-added' then
            return info[i + 1]
        end
    end
    return 0
end

-- Per-band JSON, and the sums the ledger needs.
local function band_stats(K, now)
    local parts, sum = {}, {added = 0, length = 0}
    for _, band in ipairs(BANDS) do
        local pending = group_info(K, band)
        local length = redis.call('XLEN', stream(K, band))
        local first = length > 0 and head(K, band)
        local oldest = first and math.max(0, now - tonumber(string.match(first[1], '^%d+'))) or 0
        sum.added, sum.length = sum.added + stream_added(K, band), sum.length + length
        put(parts, band, string.format('{"ready":%d,"active":%d,"oldest_ms":%.0f}', math.max(0, length - pending),
            pending, oldest))
    end
    return '{' .. table.concat(parts, ',') .. '}', sum
end

local function cfg_kinds(K)
    local kinds, names = {}, redis.call('HKEYS', K .. ':cfg')
    for _, name in ipairs(names) do
        local kind = string.match(name, '^paused:(.+)$')
        if kind then
            kinds[#kinds + 1] = quote(kind)
        end
    end
    return '[' .. table.concat(kinds, ',') .. ']'
end

-- The counters as JSON, the current dead by cause as JSON, and the counters as a table.
local function ledger_stats(K)
    local raw, all, dead, ledger = redis.call('HGETALL', K .. ':ledger'), {}, {}, {}
    for i = 1, #raw, 2 do
        local name, value = raw[i], tonumber(raw[i + 1]) or 0
        local json = string.format('%s:%.0f', quote(name), value)
        ledger[name], all[#all + 1] = value, json
        local cause = string.match(name, '^dead:(.+)$')
        if cause and value > 0 then
            dead[#dead + 1] = string.format('%s:%.0f', quote(cause), value)
        end
    end
    return '{' .. table.concat(all, ',') .. '}', '{' .. table.concat(dead, ',') .. '}', ledger
end

local function stint_stats(K, args)
    count_args(args, 0, 0, 'none')
    local now = clock()
    local bands, sum = band_stats(K, now)
    local all, dead_causes, ledger = ledger_stats(K)
    local resting, dead = redis.call('ZCARD', K .. ':d'), redis.call('ZCARD', K .. ':dead')
    local parked = redis.call('ZCOUNT', K .. ':d', PARKED, '+inf')
    local enqueued = sum.added - (ledger.readded or 0) + (ledger.sched or 0)
    local right = sum.length + resting + (ledger.done or 0) + dead + (ledger.cancelled or 0) + (ledger.expired or 0) +
        (ledger.purged or 0)
    local parts = {}
    put(parts, 'queue', quote(string.match(K, '{(.*)}')))
    put(parts, 'now', string.format('%.0f', now))
    put(parts, 'paused', redis.call('HEXISTS', K .. ':cfg', 'paused') == 1 and 'true' or 'false')
    put(parts, 'paused_kinds', cfg_kinds(K))
    put(parts, 'bands', bands)
    for _, pair in ipairs({{'scheduled', resting - parked}, {'parked', parked}, {'next_due', next_due(K, now)},
        {'dead', dead},
                           {'instances', redis.call('ZCARD', K .. ':i')}, {'enqueued', enqueued}, {'drift',
                               enqueued - right}}) do
        put(parts, pair[1], string.format('%.0f', pair[2]))
    end
    put(parts, 'dead_causes', dead_causes)
    put(parts, 'ledger', all)
    return '{' .. table.concat(parts, ',') .. '}'
end

-- ------------------------------------------------------------------------------------------------------- registration

-- Checks the key, and turns our refusals into error replies without a script's line numbers.
local function guarded(f)
    return function(keys, args)
        local K = keys[1]
        if #keys ~= 1 or not (good.key[K] or (#K <= 72 and string.find(K, '^stint:{[%w._%-]+}$') and remember('key',
            K, true))) then
            return redis.error_reply('STINT_BADARG KEYS: one key, stint:{<queue>}, queue of 1 to 64 of [A-Za-z0-9._-]')
        end
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

register('stint_version', function() return VERSION end, ONLY_READS)
register('stint_enqueue', guarded(stint_enqueue), NEEDS_MEMORY)
register('stint_enqueue_bulk', guarded(stint_enqueue_bulk), NEEDS_MEMORY)
register('stint_fetch', guarded(stint_fetch), WORKS_AT_OOM)
register('stint_finish', guarded(stint_finish), WORKS_AT_OOM)
register('stint_handback', guarded(stint_handback), WORKS_AT_OOM)
register('stint_crash', guarded(stint_crash), WORKS_AT_OOM)
register('stint_beat', guarded(stint_beat), WORKS_AT_OOM)
register('stint_bye', guarded(stint_bye), WORKS_AT_OOM)
register('stint_sweep', guarded(stint_sweep), WORKS_AT_OOM)
register('stint_promote', guarded(stint_promote), WORKS_AT_OOM)
register('stint_expire', guarded(stint_expire), WORKS_AT_OOM)
register('stint_cancel', guarded(stint_cancel), WORKS_AT_OOM)
register('stint_pause', guarded(stint_pause), WORKS_AT_OOM)
register('stint_resume', guarded(stint_resume), WORKS_AT_OOM)
register('stint_replay', guarded(stint_replay), NEEDS_MEMORY)
register('stint_purge', guarded(stint_purge), WORKS_AT_OOM)
register('stint_progress', guarded(stint_progress), WORKS_AT_OOM)
register('stint_config', guarded(stint_config), NEEDS_MEMORY)
register('stint_job', guarded(stint_job), ONLY_READS)
register('stint_stats', guarded(stint_stats), ONLY_READS)
