-- ---------------------------------------------------------------------------------------------------------- arguments

local function badarg(name, allowed)
    error({stint = 'STINT_BADARG ' .. name .. ': ' .. allowed}, 0)
end

local function whole(value, name, least, most)
    local n = type(value) == 'string' and #value <= 16 and string.find(value, '^%-?%d+$') and tonumber(value)
    if not n or n < least or n > most then
        badarg(name, string.format('a whole number from %.0f to %.0f', least, most))
    end
    return n
end

-- Pattern matching is the dearest thing done for most calls, and the same few keys, kinds, consumers and counts come
-- again and again: what was found good once is remembered, in tables that start anew when they are full.
local REMEMBERED_MAX = 2048
local good, good_count = {kind = {}, key = {}, instance = {}, consumer = {}, count = {}, tag = {}}, 0
local function remember(what, text, value)
    if good_count >= REMEMBERED_MAX then
        good, good_count = {kind = {}, key = {}, instance = {}, consumer = {}, count = {}, tag = {}}, 0
    end
    good[what][text], good_count = value, good_count + 1
    return value
end

local function text(value, name, most)
    if type(value) ~= 'string' or #value > most then
        badarg(name, 'at most ' .. most .. ' bytes')
    end
    return value
end

local function valid_id(s)
    return #s <= 128 and string.find(s, '^[%w%-._:]+$') ~= nil
end

local function valid_kind(s)
    return good.kind[s] or (#s <= 32 and string.find(s, '^[a-z0-9%-]+$') ~= nil and remember('kind', s, true))
end

local function instance_arg(s)
    if good.instance[s] then
        return s
    end
    if type(s) ~= 'string' or #s > 95 or not string.find(s, '^[%w._%-]+$') then
        badarg('instance', '1 to 95 of [A-Za-z0-9._-]')
    end
    return remember('instance', s, s)
end

local function consumer_arg(s, instance)
    local owner = good.consumer[s]
    if not owner then
        owner = type(s) == 'string' and #s <= 127 and string.match(s, '^([%w._%-]+):%d+:%d+$')
        owner = owner and remember('consumer', s, owner)
    end
    if not owner or (instance and owner ~= instance) then
        badarg('consumer', '<instance>:<slot>:<generation> of the same instance')
    end
    return s
end

-- A number of jobs. There are at most a thousand good ones.
local function count_arg(value, name, least, most)
    local n = good.count[value]
    if n and n >= least and n <= most then
        return n
    end
    return remember('count', value, whole(value, name, least, most))
end

local function entry_arg(s, name)
    if type(s) ~= 'string' or #s > 41 or not string.find(s, '^%d+%-%d+$') then
        badarg(name, 'a stream entry id, <ms>-<n>')
    end
    return s
end

local function band_arg(s, name)
    if not IS_STREAM[s] then
        badarg(name, 'express, high, normal, low or the lane large')
    end
    return s
end

local function id_arg(s)
    if type(s) ~= 'string' or not valid_id(s) then
        badarg('id', '1 to 128 of [A-Za-z0-9._:-]')
    end
    return s
end

local function count_args(args, least, most, allowed)
    if #args < least or #args > most then
        badarg('ARGV', allowed .. ' (got ' .. #args .. ' arguments)')
    end
end

