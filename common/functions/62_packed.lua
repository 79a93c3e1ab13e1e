-- ------------------------------------------------------------------------------------------------ done, statuses packed
-- Writes what 27_packed.lua reads. Nothing further down uses what is in here.
do
local LINE_MAX = 512 -- bytes a job, on average of a text

-- Without the lines of those that were fenced ("<band>:<entry>"), and the first entry of the others; nil when none is left.
local function unfenced(text, second, band, fenced)
    local gone, kept, first = {}, {}, nil
    for _, name in ipairs(fenced) do
        gone[name] = true
    end
    for line in string.gmatch(text, '[^\n]+') do
        local ms, sequence = string.match(line, '^(%d%d%d)%-(%d+) ')
        if ms and not gone[band .. ':' .. second .. ms .. '-' .. sequence] then
            first = first or {ms, sequence}
            kept[#kept + 1] = line
        end
    end
    return first and table.concat(kept, '\n') .. '\n', first
end

-- Keeps them for `retain` ms, and those of the same second that shall be kept for longer for as long as before. The jobs have
-- ended by now: what is in the way here costs their statuses alone.
local function keep_packed(K, now, band, kind, retain, second, span, text)
    local key = packed_key(K, second)
    local wrote = redis.pcall('HSET', key, span[1] .. span[3] .. ' ' .. span[2] .. ' ' .. band .. ' ' .. now .. ' ' .. kind, text)
    if type(wrote) ~= 'number' then
        redis.log(redis.LOG_WARNING, 'stint: statuses could not be kept in ' .. key .. ': ' .. tostring(wrote.err))
    elseif redis.call('PTTL', key) < tonumber(retain) then
        redis.call('PEXPIRE', key, retain)
    end
end

-- As stint_keep, for jobs of one second. What the text says of other entries than those is the caller's word.
local function stint_keep_packed(K, args)
    count_args(args, 7, 6 + FETCH_MAX, 'band, kind, retain_ms, second, span, text, then 1 to 1000 entries')
    local band, kind, retain, second, text = band_arg(args[1], 'band'), args[2], args[3], args[4], args[6]
    local span = {string.match(args[5], '^(%d%d%d)%-(%d+)%-(%d%d%d)$')}
    if not valid_kind(kind) then
        badarg('kind', '1 to 32 of [a-z0-9-]')
    end
    whole(retain, 'retain_ms', 1, LONGEST_MS)
    if not string.find(second, '^%d%d%d%d%d%d%d%d%d%d$') then
        badarg('second', 'the first 10 digits of the entries')
    elseif not span[1] or #args[5] > 32 or span[1] > span[3] then
        badarg('span', '<ms>-<sequence> of the first entry, -<ms> of the last; ms of three digits')
    elseif #text == 0 or #text > LINE_MAX * (#args - 6) then
        badarg('text', 'a line for each entry, at most ' .. LINE_MAX .. ' bytes each on average')
    end
    local fenced, now = {}, string.format('%.0f', clock())
    local done = finish_done(K, band, {unpack(args, 7)}, fenced)
    if done > 0 then
        bump(K, 'done', done)
    end
    if #fenced == 0 then
        keep_packed(K, now, band, kind, retain, second, span, text)
        return {done}
    end
    local first
    text, first = unfenced(text, second, band, fenced)
    if text then
        keep_packed(K, now, band, kind, retain, second, {first[1], first[2], span[3]}, text)
    end
    return {done, fenced}
end

register('stint_keep_packed', guarded(stint_keep_packed), WORKS_AT_OOM)
end

