-- ------------------------------------------------------------------------------------------------------ reading a job

local function counters_text(job, epoch)
    local n = string.format('%d,%d,%d,%d,%d,%d,%.0f', epoch, job[ATTEMPTS], job[CRASHES], job[HANDBACKS], job[REPLAYS],
        job[SUSPECT], job[CREATED])
    return job.strikes and n .. ',' .. job.strikes or n
end

-- Reads `n` into job; false when it is not what counters_text writes.
local function read_counters(job, n)
    local epoch, attempts, crashes, handbacks, replays, suspect, created, strikes =
        string.match(n, '^(%d+),(%d+),(%d+),(%d+),(%d+),([01]),(%d+),?(%d*)$')
    if not epoch or #n > 96 then
        return false
    end
    job.strikes = tonumber(strikes)
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

-- The job of a ready entry, and nil or why it can never run. `named`: its entry says `*`, so that its id is found by this entry
-- alone; should it move, the id is written out and its hash says where it is.
local function parse(band, entry, fields)
    local kind, id, payload, o, n, h, b, home
    if #fields == 6 and fields[1] == 'kind' and fields[3] == 'id' and
        fields[5] == 'payload' then -- an untracked job's first run
        kind, id, payload = fields[2], fields[4], fields[6]
        local named = id == '*'
        if valid_kind(kind) and (named or valid_id(id)) and #payload <= PAYLOAD_MAX then
            local ms = entry_ms(entry)
            local job = {band, entry, named and derived_id(band, entry) or id, kind, 1, 0, 0, 0, 0, 0, 0, ms, ms, '',
                payload}
            job.named = named
            return job, nil
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
        elseif name == 'home' then home = value
        end
    end
    local ms = entry_ms(entry)
    local job = {band, entry, id, kind, 1, 0, 0, 0, 0, 0, 0, ms, ms, '', payload or ''}
    local why
    if id == '*' then
        job[ID], job.named = derived_id(band, entry), true
    elseif not id or not valid_id(id) then
        why = id and 'field id is not 1 to 128 of [A-Za-z0-9._:-]'
        job[ID] = band .. '-' .. entry
    end
    if not kind or not valid_kind(kind) then
        why = kind and 'field kind is not 1 to 32 of [a-z0-9-]' or 'field kind is missing'
        job[KIND] = 'unknown'
    end
    if n and not read_counters(job, n) then
        why = why or 'field n is not epoch,attempts,crashes,handbacks,replays,suspect,created_ms[,strikes]'
    end
    if band == LANE then
        job.home = IS_BAND[home] and home or 'normal'
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

-- The job of a hash (scheduled or dead), not claimed, from the values of LOADED; nil when the hash is gone.
local LOADED = {'kind', 'band', 'n', 'o', 'b', 'errs', 'cancel', 'state', 'x', 'run', 'home'}
local function job_of(id, h)
    if not h[8] then
        return nil
    end
    local job = {IS_STREAM[h[2]] and h[2] or 'normal', h[9] or '', id, h[1] or 'unknown', 1, 0, 0, 0, 0, 0, 1, 0, 0,
        '', ''}
    job.home = h[2] == LANE and (IS_BAND[h[11]] and h[11] or 'normal') or nil
    if h[3] then
        read_counters(job, h[3])
    end
    if h[4] and read_options(job, h[4]) then
        job[OPTIONS] = ''
    end
    job.in_hash, job.errs, job.cancel, job.state = h[5] == '1', tonumber(h[6] or 0) or 0, h[7], h[8]
    job.run = h[10]
    return job
end

local function load(K, id)
    return job_of(id, redis.call('HMGET', hash(K, id), unpack(LOADED)))
end

