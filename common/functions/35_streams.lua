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

-- Nothing waits in a stream without entries and nothing is held of it: an idle queue is asked no more than its lengths.
local function stream_lengths(K)
    local lengths = {}
    for _, band in ipairs(STREAMS) do
        lengths[band] = redis.call('XLEN', stream(K, band))
    end
    return lengths
end

local function ready_count(K, lengths)
    local ready = 0
    for band, length in pairs(lengths) do
        if length > 0 then
            local pending = group_info(K, band)
            ready = ready + math.max(0, length - pending)
        end
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

