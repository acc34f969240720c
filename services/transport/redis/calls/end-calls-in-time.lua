#!lua flags=allow-oom
--- @include calls
--- @include clock
-- Ends the calls whose time is over: not sent, or uncertain. Any process may run it, at any time.
--
-- KEYS[1] call-deadlines  ZSET id -> ms
-- ARGV[1] prefix
-- ARGV[2] calls at most
-- Returns how many it looked at.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', Clock.now()), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do Calls.expire(ARGV[1], id) end
return #due
