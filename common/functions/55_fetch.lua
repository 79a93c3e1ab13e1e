-- -------------------------------------------------------------------------------------------------------------- fetch
-- Used further down: claim, paused_kinds, fetch, fetch_args, lane_arg.
local claim, paused_kinds, fetch, fetch_args, lane_arg
do
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
function claim(K, band, consumer, count)
    local key = stream(K, band)
    count = tostring(count) -- redis.call writes a number with 17 digits: ten times dearer
    local read = redis.pcall('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', key, '>')
    if read and read.err then
        redis.call('XGROUP', 'CREATE', key, GROUP, '0', 'MKSTREAM')
        bump(K, 'group:' .. band, 1) -- from now on its absence is a fault
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

-- Adds the job of a claimed entry to jobs, or says 1 when it was moved out of the way instead.
local function admit(K, now, band, e, jobs, paused)
    local job, why = parse(band, e[1], e[2])
    if (why or job.expires or job.in_hash or paused) and set_aside(K, now, job, why, paused) then
        return 1
    end
    jobs[#jobs + 1] = job
    return 0
end

-- Fills jobs up to want from one band; the number set aside so far bounds the work of the call.
local function read_band(K, now, band, consumer, want, jobs, aside, paused)
    while #jobs < want and aside < MOVE_MAX do
        local count = want - #jobs
        local entries = claim(K, band, consumer, count)
        for _, e in ipairs(entries) do
            aside = aside + admit(K, now, band, e, jobs, paused)
        end
        if #entries < count then
            break
        end
    end
    return aside
end

-- Tells whether a kind is paused, asking once a kind; nil when none is.
function paused_kinds(K, any)
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
local LANE_ONLY = {LANE} -- who serves a lane has its memory for that
-- native: whether the consumer asks for its gate, which it gets when the next jobs can be had as these were: a full batch of one
-- band, and nothing in the queue's configuration to be asked about each.
function fetch(K, now, precise, instance, consumer, turn, max, lane, native)
    if max == 0 then
        return {'empty', {}, NOTHING}
    end
    local lease = redis.call('ZSCORE', K .. ':i', instance)
    if not lease or tonumber(lease) <= now then
        return {'fenced', {}, NOTHING}
    end
    local cfg = redis.call('HMGET', K .. ':cfg', 'paused', 'weights', 'rate', 'burst', 'paused_kinds', 'tag')
    if cfg[1] then
        return {'paused', {}, NOTHING}
    end
    told_tag(cfg[6])
    local want, next_at, tat, every = max, nil, nil, nil
    if cfg[3] then
        want, next_at, tat, every = limiter(K, precise, tonumber(cfg[3]), tonumber(cfg[4] or 1))
        want = math.min(want, max)
        if want == 0 then
            return {'limited', {}, next_at}
        end
    end
    local jobs, aside, paused = {}, 0, paused_kinds(K, cfg[5])
    for _, band in ipairs(lane and LANE_ONLY or band_order(K, now, turn, cfg[2])) do
        aside = read_band(K, now, band, consumer, want, jobs, aside, paused)
        if #jobs >= want or aside >= MOVE_MAX then
            break
        end
    end
    if tat and #jobs > 0 then
        limiter_take(K, precise, tat, every, #jobs)
    end
    if #jobs == max and native and not tat and not paused and jobs[1][BAND] == jobs[max][BAND] then
        open_gate(K, now, consumer, tonumber(lease))
        return {'ok', jobs, NOTHING, queue_tag() or ''}
    end
    if #jobs > 0 then
        return {'ok', jobs, #jobs < max and next_due(K, now) or NOTHING}
    end
    return {aside > 0 and 'ok' or 'empty', jobs, next_due(K, now)}
end

-- instance, consumer, turn, max: the first four arguments of a fetch and of a finish.
function fetch_args(args, least)
    consumer_arg(args[2], instance_arg(args[1]))
    return args[1], args[2], whole(args[3], 'turn', 0, 9e15), count_arg(args[4], 'max', least, FETCH_MAX)
end

-- The lane served, when there is an argument left that names one; nil for the bands.
function lane_arg(s)
    if s ~= nil and s ~= '' and s ~= LANE then
        badarg('lane', LANE .. ', or none for the bands')
    end
    return s == LANE and s or nil
end

local function stint_fetch(K, args)
    count_args(args, 4, 6, 'instance, consumer, turn, max, the lane or "", and native for a gate')
    local now, precise = clock()
    local instance, consumer, turn, max = fetch_args(args, 1)
    if args[6] and args[6] ~= 'native' then
        badarg('native', 'native, or nothing')
    end
    return fetch(K, now, precise, instance, consumer, turn, max, lane_arg(args[5]), args[6])
end

-- The jobs of entries that the consumer claimed by itself and left to this side to read: what is not a plain first run.
-- One that was taken from it meanwhile, or moved out of the way here, is not in the answer.
local function stint_adopt(K, args)
    count_args(args, 3, 1 + 2 * MOVE_MAX, 'consumer, then 1 to 100 times band, entry')
    local consumer = consumer_arg(args[1])
    if #args % 2 == 0 then
        badarg('ARGV', 'consumer, then pairs of band, entry')
    end
    for i = 2, #args, 2 do
        band_arg(args[i], 'band')
        entry_arg(args[i + 1], 'entry')
    end
    local now, jobs = clock(), {}
    local paused = paused_kinds(K, redis.call('HGET', K .. ':cfg', 'paused_kinds'))
    for i = 2, #args, 2 do
        local band, entry = args[i], args[i + 1]
        local key = stream(K, band)
        local pending = redis.pcall('XPENDING', key, GROUP, entry, entry, 1, consumer)
        if not pending.err and pending[1] then
            local found = redis.call('XRANGE', key, entry, entry)[1]
            if found then
                admit(K, now, band, found, jobs, paused)
            else -- deleted by hand: nothing is left to run
                redis.call('XACK', key, GROUP, entry)
            end
        end
    end
    return {'ok', jobs, NOTHING}
end

register('stint_fetch', guarded(stint_fetch), WORKS_AT_OOM)
register('stint_adopt', guarded(stint_adopt), WORKS_AT_OOM)
end

