#!lua flags=allow-oom
--- @include calls
--- @include clock
-- Ends the calls whose time is over: not sent, or uncertain; then releases the calls of stations that have been silent for long
-- enough since they connected. Any process may run it, at any time.
--
-- KEYS[1] call-deadlines  ZSET id -> ms
-- KEYS[2] held-calls      ZSET station (escaped) -> ms
-- ARGV[1] prefix
-- ARGV[2] calls, and stations, at most
-- Returns how many of either it looked at, whichever is more.
local now = string.format('%.0f', Clock.now())
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do Calls.expire(ARGV[1], id) end
for _, station in ipairs(silent) do Calls.release(ARGV[1], station) end
return math.max(#due, #silent)
