-- ------------------------------------------------------------------------------------------------------ proof, mending
-- Each mend looks again, in the same call, and does nothing unless it sees the same fault. No job is dropped: what
-- cannot be made runnable becomes a dead letter with the code LEDGER_REPAIR. A mend answers what it did, or nil and why
-- it left the job alone. Nothing further down uses what is in here.
do
local MEND_MAX = 50 -- mends of one call

-- A dead letter of what can never run, under this id. The payload is kept where there is one.
local function bury_broken(c, job, epoch, seen)
    job.in_hash = fsck.has_payload(c.K, job[ID])
    job.errs = tonumber(redis.call('HGET', hash(c.K, job[ID]), 'errs') or 0) or 0
    if #job[PAYLOAD] > PAYLOAD_MAX then
        job[PAYLOAD] = string.sub(job[PAYLOAD], 1, INLINE_MAX)
    end
    bury(c.K, c.now, job, epoch, '{"code":"LEDGER_REPAIR","class":"permanent","cause":"handler_error","message":' ..
        quote(seen) .. '}', string.sub(redis.sha1hex('LEDGER_REPAIR ' .. c.fault), 1, 16))
    redis.call('PERSIST', hash(c.K, job[ID]))
    return 'made a dead letter'
end

-- A job of which only the id is left.
local function bare_job(c, id)
    local band = string.match(id, '^(%l+)%-%d+%-%d+$')
    return {IS_STREAM[band] and band or 'normal', '', id, 'unknown', 1, 0, 0, 0, 0, 0, 1, c.now, c.now, '', ''}
end

local function hash_job(c, id)
    local job = load(c.K, id) or bare_job(c, id)
    job[CREATED] = job[CREATED] > 0 and job[CREATED] or c.now
    return job
end

local function leave_zset(c, place, id)
    redis.call('ZREM', c.K .. ':' .. place, id)
    if place == 'd' then
        local kind = redis.call('HGET', hash(c.K, id), 'kind')
        if kind then
            redis.call('SREM', c.K .. ':p:' .. kind, id)
        end
    end
end

-- A pending entry's holder, when its host is alive.
local function living_holder(c, band, entry)
    local held = redis.pcall('XPENDING', stream(c.K, band), GROUP, entry, entry, 1)
    local consumer = not held.err and held[1] and held[1][2]
    local owner = consumer and string.match(consumer, '^([%w._%-]+):%d+:%d+$')
    return owner and (fsck.score(c.K .. ':i', owner) or 0) > c.now and consumer
end

-- Takes an entry out of its stream whoever holds it; a late finish of that claim is refused.
local function pull(c, band, entry)
    local fields = fsck.entry_fields(c.K, band, entry)
    redis.pcall('XACK', stream(c.K, band), GROUP, entry)
    redis.call('XDEL', stream(c.K, band), entry)
    local job = parse(band, entry, fields)
    own(c.K, job)
    return job
end

local function entry_of(subject)
    return string.match(subject, '^(%l+):(.+)$')
end

local function bury_entry(c, subject, _, seen)
    local band, entry = entry_of(subject)
    local consumer = living_holder(c, band, entry)
    if consumer then
        return nil, 'held by ' .. consumer .. ', which has it in memory; look again when it has ended'
    end
    local job = pull(c, band, entry)
    return bury_broken(c, job, job[EPOCH] - 1, seen)
end

local function give_hash(c, subject, id)
    local band, entry = entry_of(subject)
    local job = parse(band, entry, fsck.entry_fields(c.K, band, entry))
    write(c.K, job, record(job, 'queued', job[EPOCH] - 1), 'x', entry)
    return 'its job hash was written anew'
end

-- The entry is where the job is. Its hash says something else: set right, unless the hash is another living job's.
local function settle_hash(c, subject, id)
    local band, entry = entry_of(subject)
    local h = redis.call('HMGET', hash(c.K, id), 'state', 'band', 'x', 'kind')
    local other = h[3] ~= entry and not FINAL[h[1]] and not fsck.judge_place(c, id, h)
    if not other then
        give_hash(c, subject, id)
        redis.call('HDEL', hash(c.K, id), 'finished', 'result', 'usage', 'reason', 'due')
        redis.call('PERSIST', hash(c.K, id))
        return 'its job hash says where it is'
    end
    local consumer = living_holder(c, band, entry)
    if consumer then
        return nil, 'held by ' .. consumer .. '; look again when it has ended'
    end
    local job = pull(c, band, entry)
    add_entry(c.K, job, job[EPOCH] - 1)
    return 'goes on as ' .. job[ID] .. ', for its id is another job\'s'
end

-- A job whose entry is gone: back to ready under a new entry and a higher epoch when its payload is kept.
local function revive(c, id, seen)
    local job = hash_job(c, id)
    if not fsck.has_payload(c.K, id) then
        return bury_broken(c, job, job[EPOCH], seen)
    end
    job.in_hash = true
    redis.call('HSET', hash(c.K, id), 'b', '1')
    add_entry(c.K, job, job[EPOCH])
    return 'made ready again'
end

local function revive_queued(c, _, id, seen)
    return revive(c, id, seen)
end

local function forget_pending(c, subject, id, seen)
    local band, entry = entry_of(subject)
    redis.call('XACK', stream(c.K, band), GROUP, entry)
    local holder = redis.pcall('HGET', hash(c.K, id), 'x')
    if holder == false then
        return bury_broken(c, bare_job(c, id), 0, seen)
    end
    return 'taken from the pending list'
end

-- What a suspect is told that was held by gone processes too often to be a suspect any longer.
local function lost_why(seen)
    return {json = '{"code":"WORKER_LOST","class":"transient","cause":"worker_lost","message":' .. quote(seen) .. '}',
        fingerprint = string.sub(redis.sha1hex('worker_lost'), 1, 16), limit = 2, delay = 0, policy = 'once'}
end

local FREED = {cancelled = 'cancelled, as was asked', dead = 'made a dead letter: whoever runs it dies',
    retried = 'ready again; counted as a crash', handed_back = 'ready again, to be run alone'}

local function free_pending(c, subject, _, seen)
    local band, entry = entry_of(subject)
    local job = take(c.K, band, entry)
    if c.fault == 'pending_stranger' then
        job[HANDBACKS] = job[HANDBACKS] + 1
        add_entry(c.K, job, job[EPOCH])
        bump(c.K, 'handed_back', 1)
        return 'handed back'
    end
    return FREED[suspect(c.K, c.now, job, false, lost_why(seen))]
end

local function set_state(c, id, state)
    redis.call('HSET', hash(c.K, id), 'state', state)
    redis.call('PERSIST', hash(c.K, id))
    return 'its job hash says ' .. state
end

local function bury_scheduled(c, _, id, seen)
    leave_zset(c, 'd', id)
    return bury_broken(c, hash_job(c, id), hash_job(c, id)[EPOCH] - 1, seen)
end

local function say_scheduled(c, _, id, seen)
    if not fsck.has_payload(c.K, id) then
        return bury_scheduled(c, nil, id, seen)
    end
    return set_state(c, id, 'scheduled')
end

local function list_scheduled(c, _, id, seen)
    if not fsck.has_payload(c.K, id) then
        return bury_scheduled(c, nil, id, seen)
    end
    local h = redis.call('HMGET', hash(c.K, id), 'due', 'kind')
    local due = tonumber(h[1] or c.now) or c.now
    local kind = h[2] or 'unknown'
    if due >= PARKED then
        redis.call('SADD', c.K .. ':p:' .. kind, id)
    end
    redis.call('ZADD', c.K .. ':d', string.format('%.0f', due), id)
    event(c.K, 'due', 'id', id, 'due', string.format('%.0f', due))
    return due >= PARKED and 'parked again' or 'scheduled again'
end

-- One place is kept: the one that the hash names.
local function leave_place(c, _, id)
    local place = c.place
    if place == 'd' and redis.call('HGET', hash(c.K, id), 'state') == 'scheduled' then
        place = 'dead'
    end
    leave_zset(c, place, id)
    return 'taken out of K:' .. place
end

-- The indexes of a dead letter whose hash is whole or made whole here.
local function list_dead(c, _, id, seen)
    local key = hash(c.K, id)
    local h = redis.call('HMGET', key, 'fp', 'cause', 'died')
    local fp, cause = safe_fingerprint(h[1] or ''), cause_of({cause = h[2]})
    local died = fsck.score(c.K .. ':dead', id) or tonumber(h[3] or c.now) or c.now
    redis.call('HSET', key, 'state', 'dead', 'fp', fp, 'cause', cause, 'died', string.format('%.0f', died))
    if not fsck.has_payload(c.K, id) then
        redis.call('HSET', key, 'payload', '', 'b', '1')
    end
    redis.call('PERSIST', key)
    redis.call('ZADD', c.K .. ':dead', string.format('%.0f', died), id)
    redis.call('ZADD', c.K .. ':fp', 0, fp .. ':' .. id)
    return 'a dead letter again'
end

-- A dead letter that lost its payload says so: a replay needs a new one.
local function tell_dead(c, _, id, seen)
    local job = hash_job(c, id)
    add_error(c.now, job, '{"code":"LEDGER_REPAIR","class":"permanent","cause":"handler_error","message":' ..
        quote(seen) .. '}')
    write(c.K, job, record(job, 'queued', job[EPOCH] - 1), 'state', 'dead', 'payload', '', 'b', '1')
    return 'noted in the dead letter: a replay must give a payload'
end

local function bury_dead(c, _, id, seen)
    redis.call('ZREM', c.K .. ':dead', id)
    return bury_broken(c, bare_job(c, id), 0, seen)
end

local function mend_malformed(c, _, id, seen)
    local key = hash(c.K, id)
    local h = redis.call('HMGET', key, 'state', 'band', 'x', 'kind', 'n')
    if not valid_id(id) then
        return nil, 'no job can have that id; remove K:j:' .. utf8_only(id) .. ' by hand'
    elseif h[5] and not read_counters({}, h[5]) then
        redis.call('HDEL', key, 'n')
    end
    if not IS_STREAM[h[2]] then
        redis.call('HSET', key, 'band', 'normal')
    end
    if not h[4] or not valid_kind(h[4]) then
        redis.call('HSET', key, 'kind', 'unknown')
    end
    if fsck.score(c.K .. ':dead', id) then
        return list_dead(c, nil, id, seen)
    elseif fsck.score(c.K .. ':d', id) and h[4] and valid_kind(h[4]) then
        return set_state(c, id, 'scheduled')
    elseif fsck.in_stream(c.K, id, h[2] or 'normal', h[3]) then
        return give_hash(c, (h[2] or 'normal') .. ':' .. h[3], id)
    elseif FINAL[h[1]] then
        return 'its fields were set right'
    end
    set_state(c, id, 'dead')
    leave_zset(c, 'd', id)
    return bury_broken(c, hash_job(c, id), hash_job(c, id)[EPOCH] - 1, seen)
end

-- A key of the wrong type is kept beside, for people to look at.
local function set_aside_key(c, subject)
    local to = c.K .. ':broken:' .. subject .. ':' .. string.format('%.0f', c.now)
    redis.call('RENAME', c.K .. ':' .. subject, to)
    return 'renamed to ' .. to
end

local function mend_group(c, subject)
    redis.call('XGROUP', 'CREATE', c.K .. ':s:' .. string.match(subject, ':(.*)$'), GROUP, '0')
    return 'the group was made anew; every entry is ready'
end

local function mend_kinds(c)
    local paused = 0
    for _, field in ipairs(redis.call('HKEYS', c.K .. ':cfg')) do
        paused = paused + (string.find(field, '^paused:') and 1 or 0)
    end
    redis.call('HDEL', c.K .. ':cfg', 'paused_kinds')
    if paused > 0 then
        redis.call('HSET', c.K .. ':cfg', 'paused_kinds', paused)
    end
    return 'set to ' .. paused
end

-- The dead letters of a cause were counted while none moved: nothing may have moved since either.
local function mend_dead_counter(c, subject, _, _, value)
    local count, token = string.match(value, '^(%d+) (%x+)$')
    if not count or fsck.dead_token(c.K) ~= token then
        return nil, 'dead letters moved since they were counted'
    elseif count == '0' then
        redis.call('HDEL', c.K .. ':ledger', subject)
    else
        redis.call('HSET', c.K .. ':ledger', subject, count)
    end
    return 'set to ' .. count
end

local function mend_drift(c)
    local drift = ledger_drift(c.K)
    bump(c.K, 'repaired', string.format('%.0f', -drift))
    return string.format('repaired %+.0f', -drift)
end

local function name_of(subject)
    return string.match(subject, ':(.*)$')
end

local MENDS = {
    key_type = set_aside_key, group_missing = mend_group, hash_malformed = mend_malformed,
    entry_malformed = bury_entry, payload_missing = bury_entry, hash_missing = give_hash, hash_astray = settle_hash,
    queued_lost = revive_queued, pending_deleted = forget_pending, pending_stranger = free_pending,
    pending_orphan = free_pending, pending_superseded = free_pending,
    scheduled_no_hash = bury_scheduled, scheduled_no_payload = bury_scheduled, scheduled_wrong_state = say_scheduled,
    scheduled_unlisted = list_scheduled, two_places = leave_place,
    dead_no_hash = bury_dead, dead_wrong_state = list_dead, dead_unlisted = list_dead, dead_no_payload = tell_dead,
    fp_missing = list_dead,
    fp_stray = function(c, subject)
        redis.call('ZREM', c.K .. ':fp', subject)
        return 'taken out of K:fp'
    end,
    parked_unlisted = function(c, _, id)
        redis.call('SADD', c.K .. ':p:' .. redis.call('HGET', hash(c.K, id), 'kind'), id)
        return 'put into K:p'
    end,
    parked_stray = function(c, subject, id)
        redis.call('SREM', c.K .. ':p:' .. string.match(subject, '^([^:]*):'), id)
        return 'taken out of K:p'
    end,
    parked_forgotten = function(c, subject)
        redis.call('SADD', c.K .. ':unpark', name_of(subject))
        event(c.K, 'resume', 'kind', name_of(subject))
        return 'its jobs come back'
    end,
    final_kept = function(c, _, id)
        redis.call('PEXPIRE', hash(c.K, id), retain_of(c.K, redis.call('HGET', hash(c.K, id), 'kind') or ''))
        return 'kept for its time only'
    end,
    hash_expiring = function(c, _, id)
        redis.call('PERSIST', hash(c.K, id))
        return 'kept'
    end,
    unique_malformed = function(c, subject)
        redis.call('UNLINK', c.K .. ':' .. subject)
        return 'removed'
    end,
    unique_forever = function(c, subject)
        redis.call('PEXPIRE', c.K .. ':' .. subject, UNIQUE_MS)
        return 'expires in an hour'
    end,
    lease_without_info = function(c, subject)
        redis.call('HSET', c.K .. ':ii', name_of(subject), '{}')
        return 'noted in K:ii'
    end,
    info_without_lease = function(c, subject)
        redis.call('HDEL', c.K .. ':ii', name_of(subject))
        return 'taken out of K:ii'
    end,
    ledger_malformed = function(c, subject)
        redis.call('HDEL', c.K .. ':ledger', name_of(subject))
        return 'removed'
    end,
    paused_kinds = mend_kinds, dead_counter = mend_dead_counter, ledger_drift = mend_drift,
}
MENDS.unique_dangling = MENDS.unique_malformed

-- One mend. The fault must still be there; a wrong count of dead letters is told by its token instead.
local function mend_one(c, fault, place, subject, value)
    local seen_fault, id, seen = fault, '', ''
    if fault ~= 'dead_counter' then
        seen_fault, id, seen = look(c, place, subject)
    elseif not string.find(subject, '^dead[:_][%w_:%-]+$') then
        badarg('subject', 'dead:<cause> or dead_bytes')
    end
    if seen_fault ~= fault then
        return {'gone', seen_fault and 'it is ' .. seen_fault .. ' by now' or 'it is right by now'}
    end
    c.fault, c.place, c.youngest, c.leases = fault, place, nil, {}
    local done, why = MENDS[fault](c, subject, id, 'fsck: ' .. seen, value)
    return done and {'mended', done} or {'left', why}
end

local function stint_fsck_mend(K, args)
    count_args(args, 5, 1 + 4 * MEND_MAX, 'actor, then 1 to 50 times fault, place, subject, value')
    local actor, c, replies, count = text(args[1], 'actor', 128), fsck.looking(K), {}, 0
    if #args % 4 ~= 1 then
        badarg('ARGV', 'actor, then fault, place, subject, value for each')
    end
    for i = 2, #args, 4 do
        if not MENDS[args[i]] then
            badarg('fault', 'one of those that stint_fsck names')
        end
    end
    for i = 2, #args, 4 do
        local reply = mend_one(c, args[i], args[i + 1], args[i + 2], args[i + 3])
        replies[#replies + 1] = reply
        if reply[1] == 'mended' then
            count = count + 1
            audit(K, 'repair', actor, args[i], 'place', args[i + 1], 'subject', args[i + 2], 'did', reply[2])
        end
    end
    return replies
end

register('stint_fsck_mend', guarded(stint_fsck_mend), WORKS_AT_OOM)
end

