-- ---------------------------------------------------------------------------------------------------- statuses, packed
-- The statuses of jobs that their entries name (22_names.lua), that ended in their first run and have no hash, many in one text:
-- field `<first ms><last ms> <first sequence> <band> <finished> <kind>` of K:r:<second of the entries>, ms within that second in
-- three digits, a line `<ms>-<sequence> <usage words> <result>` for each. It is found by a job's entry alone. No field is
-- written twice: an entry ends once, and a field has the first entry it tells of in its name.
local function packed_key(K, second)
    return K .. ':r:' .. second
end

-- The fields of a job hash that such a status stands for, or nil.
local function packed_status(K, band, entry)
    local second, ms, at = string.sub(entry, 1, 10), string.sub(entry, 11, 13), string.sub(entry, 11)
    local key = packed_key(K, second)
    local of_band = ' ' .. band .. ' '
    for _, field in ipairs(string.byte(entry, 14) == 45 and redis.pcall('HKEYS', key) or {}) do
        if string.sub(field, 1, 3) <= ms and string.sub(field, 4, 6) >= ms and string.find(field, of_band, 7, true) then
            local text = '\n' .. redis.call('HGET', key, field)
            local from = string.find(text, '\n' .. at .. ' ', 1, true)
            local usage, result = string.match(text, '^%S+ (%S+ %S+ %S+ %S+) ([^\n]*)', from and from + 1 or #text + 1)
            if usage then
                local finished, kind = string.match(field, ' (%d+) (%S+)$')
                return {kind = kind, band = band, state = 'done', created = second .. ms,
                    n = '0,0,0,0,0,0,' .. second .. ms, finished = finished, result = result, usage = usage}
            end
        end
    end
    return nil
end

