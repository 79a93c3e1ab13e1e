-- --------------------------------------------------------------------------------------------------------------- lane
-- Used further down: to_lane, leave_unserved_lane.
local to_lane, leave_unserved_lane
do
local INSTANCES_MAX = 100 -- looked at for one that serves the lane

-- The kinds that live instances run from the lane: {kind = true}. What an instance serves is in its heartbeat's JSON,
-- under lanes.<queue>.<lane>, a list of kinds.
local function served_kinds(K, now)
    local queue, kinds = string.match(K, '{(.*)}'), {}
    local live = redis.call('ZRANGEBYSCORE', K .. ':i', '(' .. now, '+inf', 'LIMIT', 0, INSTANCES_MAX)
    for _, instance in ipairs(live) do
        local info = redis.call('HGET', K .. ':ii', instance)
        local lanes = info and string.find(info, '"lanes"', 1, true) and decode_object(info)
        lanes = lanes and type(lanes.lanes) == 'table' and lanes.lanes[queue]
        for _, kind in ipairs(type(lanes) == 'table' and type(lanes[LANE]) == 'table' and lanes[LANE] or {}) do
            kinds[kind] = true
        end
    end
    return kinds
end

-- Has the job's next entry added to the lane, if somebody serves it for the job's kind.
function to_lane(K, now, job)
    if job[BAND] ~= LANE and served_kinds(K, now)[job[KIND]] then
        job.home, job[BAND] = job[BAND], LANE
    end
end

-- Ready jobs of the lane whose kind nobody serves any more go to the bands they came from. At most `most` are looked
-- at; the next heartbeat goes on.
function leave_unserved_lane(K, now, most)
    local key = stream(K, LANE)
    if redis.call('XLEN', key) == 0 then
        return
    end
    local kinds = served_kinds(K, now)
    local _, last = group_info(K, LANE)
    for _, e in ipairs(redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', most)) do
        local job, why = parse(LANE, e[1], e[2])
        if not kinds[job[KIND]] and redis.call('XDEL', key, e[1]) == 1 then
            own(K, job)
            job[BAND], job.home = job.home, nil
            if why then
                bury_malformed(K, now, job, job[EPOCH] - 1, why)
            else
                add_entry(K, job, job[EPOCH] - 1)
            end
        end
    end
end
end

