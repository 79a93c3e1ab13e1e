-- ---------------------------------------------------------------------------------------------------------- operators
-- Nothing further down uses what is in here.
do
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
    close_gates(K)
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

-- The hash of a tracked job that runs for the first time and has none, as its name says which entry it has. False: there is no
-- such job (a progress that comes after the end finds no entry).
local function give_first_hash(K, id)
    local band, entry = place_of_id(id)
    if not band or entry_state(K, band, entry) ~= 'active' then
        return false
    end
    local job = parse(band, entry, redis.call('XRANGE', stream(K, band), entry, entry)[1][2])
    if job[ID] ~= id or job[EPOCH] ~= 1 or redis.call('HGET', K .. ':cfg', 'track:' .. job[KIND]) == '0' then
        return false
    end
    write(K, job, record(job, 'queued', 0), 'x', entry)
    return true
end

local function stint_progress(K, args)
    count_args(args, 4, 4, 'id, epoch, percent, message')
    local id, epoch = id_arg(args[1]), whole(args[2], 'epoch', 1, 9e15)
    local percent = whole(args[3], 'percent', 0, 100)
    text(args[4], 'message', 1024)
    local now = clock()
    local h = redis.call('HMGET', hash(K, id), 'state', 'n')
    local claims = tonumber(h[2] and string.match(h[2], '^%d+') or 0) + 1
    if not h[1] and epoch == 1 and give_first_hash(K, id) then
        h[1] = 'queued'
    end
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
    if field == 'shards' or field == 'shards_drain' then
        return n and whole_number(n, 1, 32) and value or nil, 'a whole number from 1 to 32'
    end
    badarg('field', 'weights, rate, burst, max_wait:<band>, track:<kind>, retain:<kind>, shards or shards_drain; pausing has Functions')
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
    if field == 'rate' then
        close_gates(K)
    end
    if before ~= (stored or '') then -- hosts say the same at each start: only a change is news
        audit(K, 'config', actor, '', 'field', field, 'value', value, 'before', before)
        event(K, 'config', 'field', field)
    end
    return 1
end

register('stint_pause', guarded(stint_pause), WORKS_AT_OOM)
register('stint_resume', guarded(stint_resume), WORKS_AT_OOM)
register('stint_progress', guarded(stint_progress), WORKS_AT_OOM)
register('stint_config', guarded(stint_config), NEEDS_MEMORY)
end

