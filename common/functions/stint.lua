#!lua name=stint
-- stint.lua: the life cycle of a job, one Redis Function an arrow (docs/protocol.md).
local VERSION = 1
redis.register_function{function_name = 'stint_version', callback = function() return VERSION end, flags = {'no-writes', 'allow-oom', 'allow-stale'}}
