-- -------------------------------------------------------------------------------------------- hand back, crash, sweep
-- Used further down: suspect, held, forget_consumer, consumers, close_gates, lost_owners, sweep_args, sweep_lost.
local suspect, held, forget_consumer, consumers, close_gates, lost_owners, sweep_args, sweep_lost
do
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
            place(K, job, hand_back, now, job, delay)
        end
        count = count + (job and 1 or 0)
    end
    return count
end

-- What a death costs the job, by its kind where the caller does not know which that is (rules), else as given.
local function cost_of(job, why)
    local rule = why.rules and why.rules[job[KIND]]
    if rule then
        return rule[1], rule[2]
    end
    return why.policy, why.limit
end

-- The job that ran when its process died.
local function blame(K, now, job, why)
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled; its process died')
        return 'cancelled'
    end
    local policy, limit = cost_of(job, why)
    local free = policy == 'free' and (job.strikes or 0) < FREE_MAX
    if free then
        job.strikes = (job.strikes or 0) + 1
        job[HANDBACKS] = job[HANDBACKS] + 1
        bump(K, 'handed_back', 1)
    else
        job[CRASHES] = job[CRASHES] + 1
        bump(K, 'crashed', 1)
        if policy == 'quarantine' or job[CRASHES] >= limit then
            bury(K, now, job, job[EPOCH], why.json, why.fingerprint)
            return 'dead'
        end
    end
    add_error(now, job, why.json)
    if policy == 'lane' then
        to_lane(K, now, job)
    end
    ready_or_scheduled(K, now, job, job[EPOCH], why.delay)
    event(K, 'retry', 'id', job[ID], 'kind', job[KIND], 'due', string.format('%.0f', now + why.delay))
    return free and 'handed_back' or 'retried'
end

-- One of several that may have killed their process: run alone next time, and blamed only if it does it again. A
-- suspect that was all a dying process held did it again, even if that process had not come to running it; and nobody
-- is a suspect for ever.
function suspect(K, now, job, alone, why)
    if job.cancel then
        end_cancelled(K, now, job, 'cancelled; its process died')
        return 'cancelled'
    end
    if (alone and job[SUSPECT] == 1) or (job.strikes or 0) >= SUSPECT_MAX then
        return blame(K, now, job, why)
    end
    job.strikes = (job.strikes or 0) + 1
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
    for _, band in ipairs(STREAMS) do
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
    local alone = blamed == '*' and held(K, consumer) == 1
    for _, band in ipairs(STREAMS) do
        local pending = redis.pcall('XPENDING', stream(K, band), GROUP, '-', '+', most, consumer)
        for _, p in ipairs(pending.err and {} or pending) do
            if most == 0 then
                break
            end
            local job = take(K, band, p[1])
            if job and not job.gone then
                local outcome
                job.holder = consumer
                if blamed == '*' then
                    outcome = place(K, job, suspect, now, job, alone, why)
                elseif blamed == 'all' or blamed == band .. ':' .. p[1] then
                    outcome = place(K, job, blame, now, job, why)
                else
                    outcome = place(K, job, hand_back, now, job, 0)
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
function held(K, consumer)
    local count = 0
    for _, band in ipairs(STREAMS) do
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
function forget_consumer(K, consumer)
    close_gate(K, consumer)
    for _, band in ipairs(STREAMS) do
        redis.pcall('XGROUP', 'DELCONSUMER', stream(K, band), GROUP, consumer)
    end
end

local POLICIES = {once = true, lane = true, quarantine = true, free = true}

local function why_args(json, fingerprint, limit, delay)
    text(json, 'error JSON', RECORD_MAX)
    if not decode_object(json) then
        badarg('error JSON', 'a JSON object')
    end
    return {json = json, fingerprint = fingerprint, limit = whole(limit, 'crash limit', 1, 1000), delay = delay,
        policy = 'once'}
end

-- {"<kind>":["<policy>",<crash limit>], …}
local function rules_arg(s)
    local rules = decode_object(text(s, 'rules', RECORD_MAX))
    for kind, rule in pairs(rules or {rule = ''}) do
        if type(rule) ~= 'table' or not POLICIES[rule[1]] or not whole_number(rule[2], 1, 1000) then
            badarg('rules', 'a JSON object of <kind>: [once, lane, quarantine or free, crash limit]; wrong at ' ..
                utf8_only(string.sub(tostring(kind), 1, 32)))
        end
    end
    return rules
end

local function stint_crash(K, args)
    count_args(args, 6, 7, 'consumer, blame, error JSON, fingerprint, crash limit, delay_ms, and a policy')
    local consumer, blamed = consumer_arg(args[1]), args[2]
    if blamed ~= '' and blamed ~= '*' then
        local band, entry = string.match(blamed, '^(%a+):(.*)$')
        entry_arg(entry or blamed, 'blame (<band>:<entry>, * or "")')
        band_arg(band or 'normal', 'blame (<band>:<entry>, * or "")')
    end
    local why = why_args(args[3], text(args[4], 'fingerprint', 256), args[5], delay_arg(args[6], 'delay_ms'))
    if args[7] and not POLICIES[args[7]] then
        badarg('policy', 'once, lane, quarantine or free')
    end
    why.policy = args[7] or 'once'
    local now, moved = clock(), {}
    close_gate(K, consumer) -- before anything else: a claim that is still on its way finds nothing open
    blamed = resolve_blame(K, consumer, blamed)
    move_pending(K, now, consumer, blamed, why, MOVE_MAX, moved)
    local remaining = held(K, consumer)
    if remaining == 0 then
        forget_consumer(K, consumer)
    end
    return {moved, remaining}
end

-- Consumers of the group and what they hold: name -> {held, idle, owner}. owner is nil for a name that is not ours. With
-- lengths, those of streams that have entries: nobody holds anything of the others.
function consumers(K, lengths)
    local all = {}
    for _, band in ipairs(STREAMS) do
        local infos = lengths and lengths[band] == 0 and {} or
            redis.pcall('XINFO', 'CONSUMERS', stream(K, band), GROUP)
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

-- Nobody reads by itself any more until its next fetch has said that it may.
function close_gates(K)
    for name in pairs(consumers(K)) do
        close_gate(K, name)
    end
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
function lost_owners(K, now, lengths)
    local count = redis.call('ZCOUNT', K .. ':i', '-inf', now)
    for name, c in pairs(consumers(K, lengths)) do
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

function sweep_args(json, limit, rules)
    local why = why_args(json, string.sub(redis.sha1hex('worker_lost'), 1, 16), limit, 0)
    why.rules = rules and rules_arg(rules)
    return why
end

-- Moves what lost consumers hold: all of them, or those of the instance `only`.
function sweep_lost(K, now, why, only)
    local budget, moved, remaining = MOVE_MAX, {}, 0
    local all, names = consumers(K), {}
    for name in pairs(all) do
        names[#names + 1] = name
    end
    table.sort(names) -- the order in which jobs come back is not left to a hash table
    for _, name in ipairs(names) do
        local c = all[name]
        if (not only or c.owner == only) and is_lost(K, now, name, c) then
            close_gate(K, name)
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

local function stint_sweep(K, args)
    count_args(args, 2, 3, 'error JSON, crash limit, and rules by kind')
    return sweep_lost(K, clock(), sweep_args(args[1], args[2], args[3]), nil)
end

-- Adds what was learnt of a failure after it was told (a backtrace) to the error record of that claim. A record that has a
-- member keeps it.
local NOTE_MAX, NOTE_LOOKS = 8192, 5
local function stint_note(K, args)
    count_args(args, 3, 3, 'id, epoch, note JSON')
    local key, epoch = hash(K, id_arg(args[1])), whole(args[2], 'epoch', 1, 9e15)
    local note = decode_object(text(args[3], 'note JSON', NOTE_MAX))
    if not note or not next(note) then
        badarg('note JSON', 'a JSON object with at least one member')
    end
    local total = tonumber(redis.call('HGET', key, 'errs') or 0)
    for n = total, math.max(1, total - NOTE_LOOKS + 1), -1 do
        local field = 'err:' .. error_place(n)
        local record = redis.call('HGET', key, field)
        local seen = record and decode_object(record)
        if seen and seen.epoch == epoch then
            for name in pairs(note) do
                if seen[name] ~= nil then
                    return 1
                end
            end
            redis.call('HSET', key, field, (string.gsub(record, '%s*}%s*$', '')) .. ',' ..
                (string.gsub(args[3], '^%s*{', '')))
            return 1
        end
    end
    return 0
end

register('stint_handback', guarded(stint_handback), WORKS_AT_OOM)
register('stint_crash', guarded(stint_crash), WORKS_AT_OOM)
register('stint_sweep', guarded(stint_sweep), WORKS_AT_OOM)
register('stint_note', guarded(stint_note), WORKS_AT_OOM)
end

