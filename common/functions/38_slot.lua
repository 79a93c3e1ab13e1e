-- -------------------------------------------------------------------------------------------------- a slot that moves

-- While a slot is moved from one node of a Redis Cluster to another, some keys of a queue are here and some there. A
-- Function that ran then would find half a queue, and write keys that the other half cannot join any more. Its one key
-- exists nowhere, so the old node sends every call away (ASK), and clients that follow come to the new node. There two
-- keys are asked for in one command, one of which never exists: a node that is still importing the slot refuses that
-- (Redis Cluster specification, "Multi-keys operations"), and a whole queue answers. So no Function runs until all keys
-- are in one place, whoever calls it.
local clustered -- not known until the first call; a server is one for its life, and this library is loaded anew with it
local function slot_at_rest(K)
    if clustered == nil then -- two slots in one command: only a cluster minds
        clustered = type(redis.pcall('EXISTS', 'stint:{a}', 'stint:{b}')) == 'table'
    end
    return not clustered or type(redis.pcall('EXISTS', K, K .. ':none')) ~= 'table'
end
