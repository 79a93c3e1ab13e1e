#!lua name=stint
-- stint.lua: the life cycle of a job, one Redis Function an arrow (docs/protocol.md).
local VERSION = 1
