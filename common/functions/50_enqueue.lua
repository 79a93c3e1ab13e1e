-- ------------------------------------------------------------------------------------------------------------ enqueue
-- Used further down: enqueue, enqueue_call.
local enqueue, enqueue_call
do
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
        carried.unique_ms, carried.unique = carried.unique.window_ms, carried.unique.key
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

-- What an options text asks for that is the same in every call is remembered, if it asks for nothing but a first entry that
-- gives the job its name: no id, no time, no dedup key.
local NAMED_MAX, NAMED_TEXT_MAX = 512, 512
local named_plans, named_count = {}, 0
local function remember_plan(json, plan)
    if named_count >= NAMED_MAX then
        named_plans, named_count = {}, 0
    end
    named_plans[json], named_count = plan, named_count + 1
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
        plan.stream = ':s:' .. plan.band
        plan.named = not plan.id and not plan.unique and plan.due <= call.now
        if plan.named and #json <= NAMED_TEXT_MAX and not options.expires_ms and not options.at_ms then
            remember_plan(json, plan)
        end
    end
    call.plans[json] = plan
    return plan
end

-- Whether the kind's jobs are tracked, asked once a call.
local function is_tracked(call, kind)
    if call.tracked[kind] == nil then
        call.tracked[kind] = redis.call('HGET', call.K .. ':cfg', 'track:' .. kind) ~= '0'
    end
    return call.tracked[kind]
end

-- The hot path: one command. The job's name is its entry's, and so needs no hash to be found by.
local function enqueue_named(K, plan, payload)
    local entry
    if plan.carried == '' then
        entry = redis.call('XADD', K .. plan.stream, '*', 'kind', plan.kind, 'id', '*', 'payload', payload)
    else
        entry = redis.call('XADD', K .. plan.stream, '*', 'kind', plan.kind, 'id', '*', 'payload', payload, 'o',
            plan.carried)
    end
    return derived_id(plan.band, entry, '{"id":"', '","state":"ready"}')
end

-- Whether a job has this id, which somebody chose.
local function id_taken(K, id)
    if redis.call('EXISTS', hash(K, id)) == 1 then
        return true
    end
    local band, entry = place_of_id(id)
    local found = band and redis.call('XRANGE', stream(K, band), entry, entry)[1]
    if found then
        return parse(band, entry, found[2])[ID] == id
    end
    return band and packed_status(K, band, entry) ~= nil
end

function enqueue(call, json, payload)
    local plan = named_plans[json] or call.plans[json] or read_plan(call, json)
    if plan.fault then
        return refused(plan.given, plan.fault)
    end
    if #payload == 0 or #payload > PAYLOAD_MAX then
        return refused(plan.given, 'the payload has ' .. #payload .. ' bytes; allowed are 1 to ' .. PAYLOAD_MAX)
    end
    if plan.named and #payload <= INLINE_MAX then
        return enqueue_named(call.K, plan, payload)
    end
    local K, id = call.K, plan.id or new_id(call)
    if plan.id and id_taken(K, id) then
        return '{"id":"' .. id .. '","state":"duplicate","why":"a job with this id exists"}'
    end
    if plan.carried == '' and plan.due <= call.now and not plan.unique and #payload <= INLINE_MAX then
        if not is_tracked(call, plan.kind) then
            redis.call('XADD', K .. plan.stream, '*', 'kind', plan.kind, 'id', id, 'payload', payload)
            return '{"id":"' .. id .. '","state":"ready"}'
        end
        local entry = redis.call('XADD', K .. plan.stream, '*', 'kind', plan.kind, 'id', id, 'payload', payload, 'h', '1')
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
    enqueue_whole(K, call.now, job, is_tracked(call, plan.kind))
    return '{"id":"' .. id .. '","state":"ready"}'
end

function enqueue_call(K)
    local now, precise = clock()
    return {K = K, now = now, now_text = string.format('%.0f', now), precise = precise, plans = {}, tracked = {}}
end

-- The answer for what is asked for most, without what only other jobs need (the time, a new id); nil for those.
local function enqueue_shortly(K, json, payload)
    local plan = named_plans[json]
    if plan and #payload > 0 and #payload <= INLINE_MAX then
        return enqueue_named(K, plan, payload)
    end
    return nil
end

local function stint_enqueue(K, args)
    count_args(args, 2, 2, 'options JSON, payload')
    return enqueue_shortly(K, args[1], args[2]) or enqueue(enqueue_call(K), args[1], args[2])
end

local function stint_enqueue_bulk(K, args)
    count_args(args, 2, 2 * MOVE_MAX, '1 to 100 pairs of options JSON, payload')
    if #args % 2 == 1 then
        badarg('ARGV', 'pairs of options JSON, payload')
    end
    local call, replies, n = nil, {}, 0
    for i = 1, #args, 2 do
        local reply = enqueue_shortly(K, args[i], args[i + 1])
        if not reply then
            call = call or enqueue_call(K)
            reply = enqueue(call, args[i], args[i + 1])
        end
        n = n + 1
        replies[n] = reply
    end
    return replies
end

register('stint_enqueue', guarded(stint_enqueue), NEEDS_MEMORY)
register('stint_enqueue_bulk', guarded(stint_enqueue_bulk), NEEDS_MEMORY)
end

