-- ------------------------------------------------------------------------------------------------------------ looking
-- Used further down: ledger_drift.
local ledger_drift
do
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
    put(parts, 'strikes', job.strikes and string.format('%.0f', job.strikes))
    put(parts, 'home', job.home and quote(job.home))
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

-- A hash keeps its small form only while no value is longer than 64 bytes, so a usage is kept as four words
-- (docs/protocol.md, job hash fields) and told as JSON. One written before, or by stint_finish, is JSON already.
local function usage_json(usage)
    local wall, cpu, peak, of = string.match(usage, '^([%d-]+) ([%d-]+) ([%d-]+) (%l+)$')
    if not of then
        return usage ~= '' and json_or_quoted(usage)
    end
    local members = {}
    for name, n in pairs({wall_ms = wall, cpu_ms = cpu, memory_peak_bytes = peak}) do
        members[#members + 1] = tonumber(n) and string.format('"%s":%s', name, n) or nil
    end
    members[#members + 1] = '"of":"' .. of .. '"'
    return '{' .. table.concat(members, ',') .. '}'
end

local function put_hash(parts, h)
    put(parts, 'payload_before', h.payload_before and quote(h.payload_before))
    put(parts, 'progress', h.progress and json_or_quoted(h.progress))
    put(parts, 'cancel', h.cancel and json_or_quoted(h.cancel))
    put(parts, 'result', h.result and (h.result == '' and 'null' or json_or_quoted(h.result)))
    put(parts, 'usage', h.usage and usage_json(h.usage))
    put(parts, 'reason', h.reason and quote(h.reason))
    put(parts, 'finished_ms', h.finished)
    put(parts, 'fingerprint', h.fp and quote(h.fp))
    put(parts, 'cause', h.cause and quote(h.cause))
    put(parts, 'died_ms', h.died)
    put(parts, 'run', h.run and quote(h.run))
    put(parts, 'edits', h.edits)
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
    local packed = state == 'queued' and entry and not entry_state(K, band, entry) and packed_status(K, band, entry)
    if packed then -- and whatever a hash has beside it: a wish to cancel that came too late
        for name, value in pairs(packed) do
            h[name] = value
        end
        state, job = 'done', {band, entry, id, h.kind, 1, 0, 0, 0, 0, 0, 0, tonumber(h.created), 0, '', ''}
    elseif state == 'queued' and entry then
        state, consumer = entry_state(K, band, entry)
        job = state and parse(band, entry, redis.call('XRANGE', stream(K, band), entry, entry)[1][2])
        job = job and job[ID] == id and job or nil -- else the entry that the name would be of is another job's
        if job and state == 'ready' then
            job[EPOCH] = job[EPOCH] - 1
        end
    elseif job and state ~= 'done' then -- a hash at rest keeps the number of claims so far; finishing adds none
        job[EPOCH] = job[EPOCH] - 1
    end
    if not state or not job then
        notfound(id)
    end
    job[CREATED] = tonumber(h.created) or job[CREATED]
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

-- How many entries were ever added to the band's stream, and how many are there.
local function stream_added(K, band)
    local info, added, length = redis.pcall('XINFO', 'STREAM', stream(K, band)), 0, 0
    for i = 1, info.err and 0 or #info, 2 do
        if info[i] == 'entries-added' then
            added = info[i + 1]
        elseif info[i] == 'length' then
            length = info[i + 1]
        end
    end
    return added, length
end

-- Per-band JSON, and the sums the ledger needs.
local function band_stats(K, now)
    local parts, sum = {}, {added = 0, length = 0}
    for _, band in ipairs(STREAMS) do
        local added, length = stream_added(K, band)
        local pending, last = 0, nil
        if length > 0 then
            pending, last = group_info(K, band)
        end
        local first = last and redis.call('XRANGE', stream(K, band), '(' .. last, '+', 'COUNT', 1)[1]
        local oldest = first and math.max(0, now - tonumber(string.match(first[1], '^%d+'))) or 0
        sum.added, sum.length = sum.added + added, sum.length + length
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

-- Both sides of the ledger: how many were enqueued, and how many more than are accounted for.
local function balance(K, sum, ledger, resting, dead)
    local enqueued = sum.added - (ledger.readded or 0) + (ledger.sched or 0) + (ledger.repaired or 0)
    return enqueued, enqueued - (sum.length + resting + (ledger.done or 0) + dead + (ledger.cancelled or 0) +
        (ledger.expired or 0) + (ledger.purged or 0))
end

-- The drift alone; keys of a wrong type count as empty.
function ledger_drift(K)
    local function size(command, key)
        local n = redis.pcall(command, key)
        return type(n) == 'number' and n or 0
    end
    local sum, ledger = {added = 0, length = 0}, {}
    for _, band in ipairs(STREAMS) do
        sum.added, sum.length = sum.added + stream_added(K, band), sum.length + size('XLEN', stream(K, band))
    end
    local raw = redis.pcall('HGETALL', K .. ':ledger')
    for i = 1, raw.err and 0 or #raw, 2 do
        ledger[raw[i]] = tonumber(raw[i + 1])
    end
    local _, drift = balance(K, sum, ledger, size('ZCARD', K .. ':d'), size('ZCARD', K .. ':dead'))
    return drift
end

local function stint_stats(K, args)
    count_args(args, 0, 0, 'none')
    local now = clock()
    local bands, sum = band_stats(K, now)
    local all, dead_causes, ledger = ledger_stats(K)
    local resting, dead = redis.call('ZCARD', K .. ':d'), redis.call('ZCARD', K .. ':dead')
    local parked = redis.call('ZCOUNT', K .. ':d', PARKED, '+inf')
    local enqueued, drift = balance(K, sum, ledger, resting, dead)
    local parts = {}
    put(parts, 'queue', quote(string.match(K, '{(.*)}')))
    put(parts, 'now', string.format('%.0f', now))
    local cfg = redis.call('HMGET', K .. ':cfg', 'paused', 'shards', 'shards_drain')
    local shards, served = tonumber(cfg[2] or 1), math.max(tonumber(cfg[2] or 1), tonumber(cfg[3] or 1))
    put(parts, 'paused', cfg[1] and 'true' or 'false')
    if served > 1 then
        put(parts, 'shards', shards)
        put(parts, 'shards_served', served)
    end
    put(parts, 'paused_kinds', cfg_kinds(K))
    put(parts, 'bands', bands)
    for _, pair in ipairs({{'scheduled', resting - parked}, {'parked', parked}, {'next_due', next_due(K, now)},
        {'dead', dead},
                           {'instances', redis.call('ZCARD', K .. ':i')}, {'enqueued', enqueued}, {'drift', drift}}) do
        put(parts, pair[1], string.format('%.0f', pair[2]))
    end
    put(parts, 'dead_causes', dead_causes)
    put(parts, 'ledger', all)
    return '{' .. table.concat(parts, ',') .. '}'
end

register('stint_job', guarded(stint_job), ONLY_READS)
register('stint_stats', guarded(stint_stats), ONLY_READS)
end
