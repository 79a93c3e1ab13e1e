-- ------------------------------------------------------------------------------------------------------ proof, looking
-- docs/operations/fsck.md is the list of what must hold. Everything about one job is read in one call, so a job that
-- moves is never found at fault; nothing in this part writes. A judge answers nil, or fault, id, what was seen.
-- Used further down: look, fsck.
local look, fsck
do
local LOOK_MAX = 250  -- things looked at by one call
local KEY_TYPES = {d = 'zset', dead = 'zset', fp = 'zset', i = 'zset', ii = 'hash', cfg = 'hash', ledger = 'hash',
    unpark = 'set', cancels = 'hash', audit = 'stream', ev = 'stream', tat = 'string', stats = 'hash', outbox = 'hash', replays = 'zset',
    pub = 'hash', keep = 'hash', feed = 'stream', restoring = 'hash'}
local PREFIX_TYPES = {s = 'stream', j = 'hash', p = 'set', u = 'string', match = 'stream', waits = 'stream',
    g = 'stream', r = 'hash'}
local RUN_TYPES = {[''] = 'hash', [':left'] = 'zset', [':moved'] = 'list', [':held'] = 'list', [':started'] = 'list'}

-- The fields of a stream's entry as long as it is there.
local function entry_fields(K, band, entry)
    if not band or not entry or not IS_STREAM[band] then
        return nil
    end
    local found = redis.pcall('XRANGE', stream(K, band), entry, entry)
    return not found.err and found[1] and found[1][2] or nil
end

-- Whether a living entry is this job's.
local function in_stream(K, id, band, entry)
    local fields = entry_fields(K, band, entry)
    return fields and parse(band, entry, fields)[ID] == id
end

local function has_payload(K, id)
    return redis.pcall('HEXISTS', hash(K, id), 'payload') == 1
end

local function score(key, member)
    local found = redis.pcall('ZSCORE', key, member)
    return type(found) == 'string' and tonumber(found) or nil
end

local function lease_of(c, instance)
    if c.leases[instance] == nil then
        c.leases[instance] = score(c.K .. ':i', instance) or 0
    end
    return c.leases[instance]
end

-- The youngest generation of each slot that has a consumer.
local function youngest(c, slot)
    if not c.youngest then
        c.youngest = {}
        for name in pairs(consumers(c.K)) do
            local at, generation = string.match(name, '^(.+):(%d+)$')
            if at then
                c.youngest[at] = math.max(c.youngest[at] or 0, tonumber(generation))
            end
        end
    end
    return c.youngest[slot] or 0
end

local function judge_entry(c, band, entry, fields)
    local job, why = parse(band, entry, fields)
    local id = job[ID]
    if why then
        return 'entry_malformed', id, why
    elseif job[HAS_HASH] == 0 then
        return nil
    end
    local h = redis.pcall('HMGET', hash(c.K, id), 'state', 'x')
    if h.err then
        return nil -- named as a key of the wrong type
    elseif not h[1] and not h[2] then
        return job.in_hash and 'payload_missing' or 'hash_missing', id, 'its entry ' .. entry ..
            ' says that it has a job hash; there is none'
    elseif h[1] ~= 'queued' or h[2] ~= entry then
        return 'hash_astray', id, 'it is in entry ' .. entry .. '; its job hash says ' .. (h[1] or 'nothing') ..
            ' and entry ' .. (h[2] or 'none')
    elseif job.in_hash and not has_payload(c.K, id) then
        return 'payload_missing', id, 'its entry ' .. entry .. ' says that the payload is in the job hash; it is not'
    end
    return nil
end

local function judge_pending(c, band, entry, consumer)
    local fields = entry_fields(c.K, band, entry)
    local id = fields and parse(band, entry, fields)[ID] or band .. '-' .. entry
    if not fields then
        return 'pending_deleted', id, 'held by ' .. consumer .. '; its stream entry was deleted'
    end
    local slot, generation = string.match(consumer, '^([%w._%-]+:%d+):(%d+)$')
    if not slot then
        return 'pending_stranger', id, 'held by ' .. consumer .. ', which is no worker'
    elseif lease_of(c, string.match(slot, '^(.-):')) <= c.now then
        return 'pending_orphan', id, 'held by ' .. consumer .. ', whose host has no lease'
    elseif youngest(c, slot) > tonumber(generation) then
        return 'pending_superseded', id, 'held by ' .. consumer .. '; a younger worker has that slot'
    end
    return nil
end

-- A member of K:d or of K:dead whose hash says something else than its place.
local function misplaced(c, id, place, h)
    local ended = not has_payload(c.K, id)
    if h[1] == 'queued' and in_stream(c.K, id, h[2], h[3]) then
        return 'two_places', id, 'in K:' .. place .. ' and in entry ' .. h[3] .. ' of band ' .. h[2]
    elseif place == 'd' and h[1] == 'dead' and score(c.K .. ':dead', id) then
        return 'two_places', id, 'in K:d and in K:dead; its job hash says dead'
    elseif place == 'dead' and h[1] == 'scheduled' and score(c.K .. ':d', id) then
        return 'two_places', id, 'in K:dead and in K:d; its job hash says scheduled'
    elseif FINAL[h[1]] and ended then
        return 'two_places', id, 'in K:' .. place .. ', but it is ' .. h[1]
    end
    return (place == 'd' and 'scheduled' or 'dead') .. '_wrong_state', id, 'in K:' .. place ..
        '; its job hash says ' .. (h[1] or 'no state')
end

local function judge_scheduled(c, id)
    local due = score(c.K .. ':d', id)
    local h = due and redis.pcall('HMGET', hash(c.K, id), 'state', 'band', 'x', 'kind')
    if not due or h.err then
        return nil
    elseif not h[1] and redis.call('EXISTS', hash(c.K, id)) == 0 then
        return 'scheduled_no_hash', id, 'in K:d; it has no job hash'
    elseif h[1] ~= 'scheduled' then
        return misplaced(c, id, 'd', h)
    elseif not has_payload(c.K, id) then
        return 'scheduled_no_payload', id, 'its job hash holds no payload'
    elseif due >= PARKED and redis.pcall('SISMEMBER', c.K .. ':p:' .. (h[4] or ''), id) ~= 1 then
        return 'parked_unlisted', id, 'parked, but not in K:p:' .. (h[4] or '')
    end
    return nil
end

local function judge_dead(c, id)
    local died = score(c.K .. ':dead', id)
    local h = died and redis.pcall('HMGET', hash(c.K, id), 'state', 'band', 'x', 'fp', 'cause', 'bytes')
    if not died or h.err then
        return nil
    elseif not h[1] and redis.call('EXISTS', hash(c.K, id)) == 0 then
        return 'dead_no_hash', id, 'in K:dead; it has no job hash'
    elseif h[1] ~= 'dead' then
        return misplaced(c, id, 'dead', h)
    end
    if c.causes then
        local field = 'dead:' .. (h[5] or '')
        c.causes[field] = (c.causes[field] or 0) + 1
        c.causes.dead_bytes = (c.causes.dead_bytes or 0) + (tonumber(h[6] or 0) or 0)
    end
    if not h[5] or not h[4] then
        return 'dead_wrong_state', id, 'its job hash has no cause or no fp'
    elseif not has_payload(c.K, id) then
        return 'dead_no_payload', id, 'its job hash holds no payload'
    elseif not score(c.K .. ':fp', h[4] .. ':' .. id) then
        return 'fp_missing', id, 'K:fp has no ' .. h[4] .. ':' .. id
    end
    return nil
end

local function judge_fp(c, member)
    local fp, id = string.match(member, '^([^:]*):(.+)$')
    if not score(c.K .. ':fp', member) then
        return nil
    elseif not fp or not score(c.K .. ':dead', id) or redis.pcall('HGET', hash(c.K, id), 'fp') ~= fp then
        return 'fp_stray', id or member, 'K:fp holds ' .. member .. '; there is no such dead letter'
    end
    return nil
end

local function judge_parked(c, kind, id)
    local due = score(c.K .. ':d', id)
    if redis.pcall('SISMEMBER', c.K .. ':p:' .. kind, id) ~= 1 then
        return nil
    elseif not due or due < PARKED then
        return 'parked_stray', id, 'in K:p:' .. kind .. ', but not parked in K:d'
    elseif redis.pcall('HGET', hash(c.K, id), 'kind') ~= kind and redis.call('EXISTS', hash(c.K, id)) == 1 then
        return 'parked_stray', id, 'in K:p:' .. kind .. ', but it is of another kind'
    end
    return nil
end

-- Jobs of a kind that is neither paused nor coming back would stay parked for ever.
local function judge_kind(c, kind)
    if redis.pcall('HEXISTS', c.K .. ':cfg', 'paused:' .. kind) == 0 and
        redis.pcall('SISMEMBER', c.K .. ':unpark', kind) == 0 then
        return 'parked_forgotten', '', 'jobs are parked in K:p:' .. kind .. '; the kind is not paused'
    end
    return nil
end

-- Where a hash that says queued, scheduled or dead has its job.
local function judge_place(c, id, h)
    local entered = in_stream(c.K, id, h[2], h[3])
    if entered then
        return nil -- what else the hash may say is found by the entry
    elseif h[1] == 'queued' then
        return 'queued_lost', id, 'its job hash says entry ' .. (h[3] or 'none') .. ' of band ' .. (h[2] or 'none') ..
            '; it is not there'
    elseif h[1] == 'scheduled' and not score(c.K .. ':d', id) then
        return 'scheduled_unlisted', id, 'its job hash says scheduled; it is not in K:d'
    elseif h[1] == 'dead' and not score(c.K .. ':dead', id) then
        return 'dead_unlisted', id, 'its job hash says dead; it is not in K:dead'
    end
    return nil
end

local function judge_hash(c, id)
    local key = hash(c.K, id)
    local h = redis.pcall('HMGET', key, 'state', 'band', 'x', 'kind', 'n', 'cancel', 'created')
    if h.err or (not h[1] and not h[4] and redis.call('EXISTS', key) == 0) then
        return nil
    end
    local expiry = redis.call('PTTL', key)
    if h[1] == 'queued' and h[6] and not h[7] and expiry >= 0 then
        return nil -- the wish to cancel an untracked job that runs; it goes by itself
    end
    local known = FINAL[h[1]] or h[1] == 'queued' or h[1] == 'scheduled' or h[1] == 'dead'
    if not valid_id(id) or not known or not IS_STREAM[h[2]] or not h[4] or not valid_kind(h[4]) or
        (h[5] and not read_counters({}, h[5])) then
        return 'hash_malformed', id, 'its job hash has no valid state, band, kind or n'
    elseif FINAL[h[1]] then
        if expiry == -1 then
            return 'final_kept', id, 'it is ' .. h[1] .. ' and its status would be kept for ever'
        end
        return nil
    elseif expiry >= 0 then
        return 'hash_expiring', id, 'it is ' .. h[1] .. ' and its job hash would be gone in ' .. expiry .. ' ms'
    end
    return judge_place(c, id, h)
end

local function judge_unique(c, unique)
    local key = c.K .. ':u:' .. unique
    local id = redis.pcall('GET', key)
    if type(id) ~= 'string' then
        return nil
    elseif not valid_id(id) then
        return 'unique_malformed', '', 'K:u:' .. unique .. ' holds what is no job id'
    elseif redis.call('PTTL', key) == -1 then
        return 'unique_forever', id, 'K:u:' .. unique .. ' has no expiry: nothing can be enqueued under it again'
    end
    local state = redis.pcall('HGET', hash(c.K, id), 'state')
    if state == 'cancelled' or state == 'expired' then
        return 'unique_dangling', id, 'K:u:' .. unique .. ' is held by a job that is ' .. state
    end
    return nil
end

local function judge_key(c, suffix)
    local prefix, name = string.match(suffix, '^(%l+):(.+)$')
    local run_part = string.match(suffix, '^replay:[^:]+(.*)$')
    local wanted = PREFIX_TYPES[prefix] or KEY_TYPES[suffix] or run_part and RUN_TYPES[run_part]
    if prefix == 's' and not IS_STREAM[name] then
        wanted = nil
    end
    local kind = wanted and redis.call('TYPE', c.K .. ':' .. suffix).ok
    if not wanted or kind == 'none' then
        return nil
    elseif kind ~= wanted then
        return 'key_type', prefix == 'j' and name or '', 'K:' .. suffix .. ' is a ' .. kind .. '; it must be a ' .. wanted
    elseif prefix == 'j' then
        return judge_hash(c, name)
    elseif prefix == 'u' then
        return judge_unique(c, name)
    elseif prefix == 'p' then
        return judge_kind(c, name)
    end
    return nil
end

local function group_exists(K, band)
    local groups = redis.pcall('XINFO', 'GROUPS', stream(K, band))
    for _, g in ipairs(groups.err and {} or groups) do
        if g[2] == GROUP then
            return true
        end
    end
    return groups.err ~= nil -- no stream, no fault
end

-- What is not about one job. subject: drift, paused_kinds, dead_sum, group:<band>, counter:<field>, lease:<instance>,
-- info:<instance>.
local function judge_books(c, subject)
    local K, what, name = c.K, string.match(subject, '^([a-z_]+):?(.*)$')
    if what == 'drift' then
        local drift = ledger_drift(K)
        if drift ~= 0 then
            return 'ledger_drift', '', string.format('%.0f more enqueued than accounted for', drift)
        end
    elseif what == 'paused_kinds' then
        local told, paused = redis.pcall('HGET', K .. ':cfg', 'paused_kinds'), 0
        for _, field in ipairs(redis.pcall('HKEYS', K .. ':cfg')) do
            paused = paused + (string.find(field, '^paused:') and 1 or 0)
        end
        if type(told) ~= 'table' and (tonumber(told or 0) or -1) ~= paused then
            return 'paused_kinds', '', 'K:cfg says ' .. (told or 0) .. ' paused kinds; there are ' .. paused
        end
    elseif what == 'group' and redis.pcall('HEXISTS', K .. ':ledger', 'group:' .. name) == 1 and
        not group_exists(K, name) then
        return 'group_missing', '', 'K:s:' .. name .. ' has lost its group ' .. GROUP
    elseif what == 'counter' then
        local value = redis.pcall('HGET', K .. ':ledger', name)
        if type(value) == 'string' and not string.find(value, name == 'repaired' and '^%-?%d+$' or '^%d+$') then
            return 'ledger_malformed', '', 'K:ledger holds ' .. name .. ' = ' .. utf8_only(string.sub(value, 1, 64))
        end
    elseif what == 'lease' and score(K .. ':i', name) and redis.pcall('HEXISTS', K .. ':ii', name) == 0 then
        return 'lease_without_info', '', 'instance ' .. name .. ' has a lease; K:ii knows nothing of it'
    elseif what == 'info' and not score(K .. ':i', name) and redis.pcall('HEXISTS', K .. ':ii', name) == 1 then
        return 'info_without_lease', '', 'K:ii knows instance ' .. name .. ', which has no lease'
    end
    return nil
end

local function judge_member(c, place, subject)
    local a, b = string.match(subject, '^([^:]*):(.*)$')
    if place == 'entry' then
        local fields = entry_fields(c.K, a, b)
        if fields then
            return judge_entry(c, a, b, fields)
        end
    elseif place == 'pending' and IS_STREAM[a] then
        local held = redis.pcall('XPENDING', stream(c.K, a), GROUP, b, b, 1)
        if not held.err and held[1] then
            return judge_pending(c, a, b, held[1][2])
        end
    elseif place == 'parked' and a then
        return judge_parked(c, a, b)
    end
    return nil
end

local WHOLE = {d = judge_scheduled, dead = judge_dead, fp = judge_fp, key = judge_key, books = judge_books}

-- The fault of one subject at this moment, or nil.
function look(c, place, subject)
    if WHOLE[place] then
        return WHOLE[place](c, subject)
    end
    return judge_member(c, place, subject)
end

local function looking(K)
    return {K = K, now = clock(), leases = {}, faults = {}}
end

local function note(c, place, subject, fault, id, seen)
    if fault then
        c.faults[#c.faults + 1] = {fault, place, subject, id, seen}
    end
end

-- Walks: each looks at up to `count` things from a cursor and answers the next cursor, "" at the end, and how many.
local function walk_entries(c, band, from, count)
    local last
    local entries = redis.pcall('XRANGE', stream(c.K, band), from == '0' and '-' or '(' .. from, '+', 'COUNT', count)
    for _, e in ipairs(entries.err and {} or entries) do
        last = e[1]
        note(c, 'entry', band .. ':' .. last, judge_entry(c, band, last, e[2]))
    end
    return entries.err and '' or #entries == count and last or '', entries.err and 0 or #entries
end

local function walk_pending(c, band, from, count)
    local last
    local held = redis.pcall('XPENDING', stream(c.K, band), GROUP, from == '0' and '-' or '(' .. from, '+', count)
    for _, p in ipairs(held.err and {} or held) do
        last = p[1]
        note(c, 'pending', band .. ':' .. last, judge_pending(c, band, last, p[2]))
    end
    return held.err and '' or #held == count and last or '', held.err and 0 or #held
end

local function walk_scan(c, place, key, command, cursor, count, step, subject_of)
    local page = redis.pcall(command, key, cursor, 'COUNT', count)
    if page.err then
        return '', 0
    end
    for i = 1, #page[2], step do
        local subject = subject_of and subject_of(page[2][i]) or page[2][i]
        note(c, place, subject, look(c, place, subject))
    end
    return page[1] == '0' and '' or page[1], #page[2] / step
end

-- Dead letters in order of death, so that each is counted once: the cursor is a time and how many of it were seen.
local function walk_dead(c, cursor, count)
    local from, seen = string.match(cursor, '^(%d+):(%d+)$')
    from, seen = from or '-inf', tonumber(seen or 0)
    local page = redis.pcall('ZRANGEBYSCORE', c.K .. ':dead', from, '+inf', 'WITHSCORES', 'LIMIT', seen, count)
    local last = from
    c.causes = {}
    for i = 1, page.err and 0 or #page, 2 do
        local at = string.format('%.0f', tonumber(page[i + 1]))
        seen, last = at == last and seen + 1 or 1, at
        note(c, 'dead', page[i], judge_dead(c, page[i]))
    end
    local looked = page.err and 0 or #page / 2
    return looked == count and last .. ':' .. seen or '', looked
end

local function walk_books(c)
    local subjects = {'drift', 'paused_kinds'}
    for _, band in ipairs(STREAMS) do
        subjects[#subjects + 1] = 'group:' .. band
    end
    local function add(prefix, names)
        for i = 1, names.err and 0 or math.min(#names, 1000) do
            subjects[#subjects + 1] = prefix .. names[i]
        end
    end
    add('counter:', redis.pcall('HKEYS', c.K .. ':ledger'))
    add('lease:', redis.pcall('ZRANGE', c.K .. ':i', 0, 999))
    add('info:', redis.pcall('HKEYS', c.K .. ':ii'))
    for _, subject in ipairs(subjects) do
        note(c, 'books', subject, judge_books(c, subject))
    end
    return '', #subjects
end

-- What must not change while dead letters are counted, as one text; and the counters of them.
local function dead_token(K)
    local raw, parts, told = redis.pcall('HGETALL', K .. ':ledger'), {}, {}
    for i = 1, raw.err and 0 or #raw, 2 do
        local dead = string.find(raw[i], '^dead[:_]')
        if dead or raw[i] == 'died' or raw[i] == 'replayed' or raw[i] == 'undone' or
            raw[i] == 'purged' then
            parts[#parts + 1] = raw[i] .. '=' .. raw[i + 1]
        end
        if dead then
            told[#told + 1], told[#told + 2] = raw[i], raw[i + 1]
        end
    end
    table.sort(parts)
    return redis.sha1hex(table.concat(parts, ' ') .. ' ' .. tostring(redis.pcall('ZCARD', K .. ':dead'))), told
end

local function stint_fsck(K, args)
    count_args(args, 3, 3, 'place, cursor, count')
    local place, cursor, count = args[1], text(args[2], 'cursor', 64), whole(args[3], 'count', 1, LOOK_MAX)
    local walk, name = string.match(place, '^(%l+):?(.*)$')
    local c, at, looked = looking(K), nil, nil
    if walk == 'entry' and IS_STREAM[name] then
        at, looked = walk_entries(c, name, cursor, count)
    elseif walk == 'pending' and IS_STREAM[name] then
        at, looked = walk_pending(c, name, cursor, count)
    elseif walk == 'd' or walk == 'fp' then
        at, looked = walk_scan(c, walk, K .. ':' .. walk, 'ZSCAN', cursor, count, 2)
    elseif walk == 'dead' then
        at, looked = walk_dead(c, cursor, count)
    elseif walk == 'parked' and valid_kind(name) then
        at, looked = walk_scan(c, walk, K .. ':p:' .. name, 'SSCAN', cursor, count, 1,
            function(id) return name .. ':' .. id end)
    elseif walk == 'books' then
        at, looked = walk_books(c)
    else
        badarg('place', 'entry:<band>, pending:<band>, d, dead, fp, parked:<kind> or books')
    end
    local counts, token, told = {}, '', {}
    for cause, n in pairs(c.causes or {}) do
        counts[#counts + 1], counts[#counts + 2] = cause, n
    end
    if walk == 'dead' then
        token, told = dead_token(K)
    end
    return {at, looked, c.faults, counts, token, told}
end

local function stint_fsck_look(K, args)
    count_args(args, 2, 2 * LOOK_MAX, 'place, subject, …')
    local c = looking(K)
    for i = 1, #args - 1, 2 do
        note(c, args[i], args[i + 1], look(c, args[i], args[i + 1]))
    end
    return c.faults
end

-- Used by the mending part too.
fsck = {looking = looking, has_payload = has_payload, in_stream = in_stream, entry_fields = entry_fields, score = score,
    dead_token = dead_token, judge_place = judge_place}

register('stint_fsck', guarded(stint_fsck), ONLY_READS)
register('stint_fsck_look', guarded(stint_fsck_look), ONLY_READS)
end

