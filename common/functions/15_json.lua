-- ------------------------------------------------------------------------------------------------------ text and JSON

-- JSON must be UTF-8, and a plain producer's bytes need not be: what is not is shown with its high bytes as '?'.
local function utf8_only(s)
    if not string.find(s, '[\128-\255]') then
        return s
    end
    local rest = string.gsub(s, '[\194-\223][\128-\191]', ' ')
    rest = string.gsub(rest, '\224[\160-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '[\225-\236\238\239][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '\237[\128-\159][\128-\191]', ' ')
    rest = string.gsub(rest, '\240[\144-\191][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '[\241-\243][\128-\191][\128-\191][\128-\191]', ' ')
    rest = string.gsub(rest, '\244[\128-\143][\128-\191][\128-\191]', ' ')
    if string.find(rest, '[\128-\255]') then
        return (string.gsub(s, '[\128-\255]', '?'))
    end
    return s
end

-- As JSON. A zero byte is legal in JSON but refused by many readers of it: it is shown as '?' too.
local function quote(s)
    return cjson.encode(utf8_only((string.gsub(s, '%z', '?'))))
end

-- A foreign text as a JSON value: itself when it is JSON, else a JSON string of it.
local function json_or_quoted(s)
    if pcall(cjson.decode, s) then
        return utf8_only(s)
    end
    return quote(s)
end

local function whole_number(v, least, most)
    return type(v) == 'number' and v == math.floor(v) and v >= least and v <= most
end

-- Used further down: CARRIED, ALONE, options_fault.
local CARRIED, ALONE, options_fault
do
local function plain_text(v, most)
    return type(v) == 'string' and #v >= 1 and #v <= most and not string.find(v, '[%z\1-\31\127]')
end

-- Options a job carries: its name, whether the value will do, and what is allowed, in the words of the refusal.
local function ms_option(least)
    return {ok = function(v) return whole_number(v, least, LONGEST_MS) end,
            allowed = 'a whole number of ms from ' .. least .. ' to 315360000000'}
end
local at_option = { -- cjson writes 14 digits
    ok = function(v) return whole_number(v, 0, 99999999999999) end,
        allowed = 'a whole number of ms since 1970, at most 99999999999999'}

CARRIED = {
    timeout_ms = {ok = function(v) return whole_number(v, 1, 2592000000) end,
        allowed = 'a whole number of ms from 1 to 2592000000'},
    attempts = {ok = function(v) return whole_number(v, 1, 1000) end, allowed = 'a whole number from 1 to 1000'},
    expires_ms = ms_option(1),
    expires_at_ms = at_option,
    unique = {ok = function(v) return plain_text(v, 256) end, allowed = '1 to 256 bytes without control characters'},
    unique_ms = ms_option(1), -- the key's window when it is not the default: a replay takes the key again for as long
    tenant = {ok = function(v) return plain_text(v, 64) end, allowed = '1 to 64 bytes without control characters'},
    actor = {ok = function(v) return plain_text(v, 128) end, allowed = '1 to 128 bytes without control characters'},
    traceparent = {
        ok = function(v)
            return type(v) == 'string' and #v >= 55 and #v <= 63 and string.find(v, '^%x%x%-%x+%-%x+%-%x%x') and
                #string.match(v, '^%x%x%-(%x+)') == 32 and #string.match(v, '^%x%x%-%x+%-(%x+)') == 16
        end,
        allowed = 'a W3C traceparent, 00-<32 hex>-<16 hex>-<2 hex>'},
}
ALONE = { -- options of stint_enqueue that are used up by it
    id = {ok = function(v) return type(v) == 'string' and valid_id(v) end, allowed = '1 to 128 of [A-Za-z0-9._:-]'},
    kind = {ok = function(v) return type(v) == 'string' and valid_kind(v) end, allowed = '1 to 32 of [a-z0-9-]'},
    band = {ok = function(v) return IS_BAND[v] or false end, allowed = 'express, high, normal or low'},
    delay_ms = ms_option(0),
    at_ms = at_option,
    unique = {
        ok = function(v)
            if type(v) ~= 'table' then
                return plain_text(v, 256)
            end
            for name in pairs(v) do
                if name ~= 'key' and name ~= 'window_ms' then
                    return false
                end
            end
            return plain_text(v.key, 256) and (v.window_ms == nil or whole_number(v.window_ms, 1, LONGEST_MS))
        end,
        allowed = 'a text of 1 to 256 bytes, or {"key":text,"window_ms":whole number of ms from 1}'},
}

-- Why the options are refused, or nil.
function options_fault(options, enqueueing)
    for name, value in pairs(options) do
        local rule = enqueueing and ALONE[name] or CARRIED[name]
        if type(name) ~= 'string' or not rule or
            (enqueueing and (name == 'expires_at_ms' or name == 'unique_ms')) then
            return 'option ' .. utf8_only(string.sub(tostring(name), 1, 64)) .. ' is unknown; allowed: ' ..
                (enqueueing and 'id, kind, band, delay_ms, at_ms, ' or '') ..
                'timeout_ms, attempts, expires_ms, unique, tenant, traceparent, actor'
        end
        if not rule.ok(value) then
            return 'option ' .. name .. ' must be ' .. rule.allowed
        end
    end
    return nil
end
end

local function decode_object(s)
    local fine, value = pcall(cjson.decode, s)
    if fine and type(value) == 'table' and string.find(s, '^%s*{') then
        return value
    end
    return nil
end

