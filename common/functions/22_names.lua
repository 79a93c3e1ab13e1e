-- -------------------------------------------------------------------------------------------------- names by their place
-- Used further down: begin_call, told_tag, queue_tag, derived_id, place_of_id.
local begin_call, told_tag, queue_tag, derived_id, place_of_id
do
-- The queue of the call under way, and its tag as far as it was read. Nothing of it outlives the call: a key may be deleted, and
-- another database have one of the same name.
local called_K, called_tag
function begin_call(K)
    called_K, called_tag = K, nil
end

-- 60 bits that no other queue has, also on another server: field `tag` of K:cfg, made when it is first needed. nil where it is
-- not there and cannot be made (a Function that only reads).
local function make_tag(K)
    local t, info = redis.call('TIME'), redis.pcall('INFO', 'server') -- INFO may be forbidden to the caller
    local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
    local tag = string.sub(redis.sha1hex(K .. ' ' .. t[1] .. ' ' .. t[2] .. ' ' .. run), 1, 15)
    return type(redis.pcall('HSET', K .. ':cfg', 'tag', tag)) == 'number' and tag or nil
end

-- The tag as it stands in a name, or false.
local function tail_of(tag)
    return type(tag) == 'string' and (good.tag[tag] or (#tag == 15 and not string.find(tag, '[^0-9a-f]') and
        remember('tag', tag, string.sub(tag, 1, 3) .. '-' .. string.sub(tag, 4))))
end

-- Saves the asking where it came with something else.
function told_tag(tag)
    called_tag = tail_of(tag) and tag or nil
end

function queue_tag()
    if not called_tag then
        local tag = redis.pcall('HGET', called_K .. ':cfg', 'tag')
        called_tag = tail_of(tag) and tag or make_tag(called_K)
    end
    return called_tag
end

-- The name of a job that was given none, or `*`, by the place of its entry. With `*` a UUIDv7 (RFC 9562): ms, the entry's sequence
-- in rand_a, the band in the two bits after the variant, then the queue's tag. What does not go into that (a sequence above 12
-- bits, an entry id of another length, no band) is called <band>-<entry>. worker/job_entry.c does the same.
local sub, byte, format, floor, number -- a global is looked up anew each time, and dearly; there is none while the library loads
local VARIANT = {express = '8', high = '9', normal = 'a', low = 'b'}
local BAND_OF_VARIANT = {['8'] = 'express', ['9'] = 'high', a = 'normal', b = 'low'}

-- What the names of one ms, band and tag share, as it was last asked for: a bulk's jobs and a batch's are mostly of the same.
local of_ms, of_band, of_tag, before, after
local function share(ms, band, tag)
    local high = floor(number(ms) / 65536)
    before = format('%08x-%04x-7', high, number(ms) - high * 65536)
    after = '-' .. VARIANT[band] .. tail_of(tag)
    of_ms, of_band, of_tag = ms, band, tag
end

-- A sequence's three digits, false above 12 bits. Remembered by its text, of which there are not many with four bytes.
local digits_of = {}
local function three_digits(sequence)
    local n = number(sequence)
    local digits = n < 4096 and format('%03x', n)
    if #sequence <= 4 then
        digits_of[sequence] = digits
    end
    return digits
end

-- The name between `head` and `tail`, for who puts it into a longer text.
function derived_id(band, entry, head, tail)
    if not sub then
        sub, byte, format, floor, number = string.sub, string.byte, string.format, math.floor, tonumber
    end
    local sequence = VARIANT[band] and byte(entry, 14) == 45 and sub(entry, 15)
    local digits = sequence and (digits_of[sequence] or three_digits(sequence))
    local tag = digits and (called_tag or queue_tag())
    if not tag then
        return (head or '') .. band .. '-' .. entry .. (tail or '')
    end
    local ms = sub(entry, 1, 13)
    if ms ~= of_ms or band ~= of_band or tag ~= of_tag then
        share(ms, band, tag)
    end
    return (head or '') .. before .. digits .. after .. (tail or '')
end

-- band, entry of the job that has this name by its place, if it is such a name; whether there is such a job is not asked.
function place_of_id(id)
    if #id == 36 and string.byte(id, 15) == 55 then
        local high, low, sequence, variant = string.match(id, '^(%x+)%-(%x%x%x%x)%-7(%x%x%x)%-([89ab])')
        local band = variant and BAND_OF_VARIANT[variant]
        local entry = band and string.format('%.0f-%d', tonumber(high .. low, 16) or 0, tonumber(sequence, 16))
        if band and derived_id(band, entry) == id then
            return band, entry
        end
        return nil
    end
    local band, entry = string.match(id, '^(%a+)%-(%d+%-%d+)$')
    if IS_STREAM[band] then
        return band, entry
    end
    return nil
end
end

