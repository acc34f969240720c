#!lua flags=allow-oom
-- Ends the calls whose time is up: not sent, or uncertain. Any process may do it, at any time.
--
-- KEYS: 1 call-deadlines
-- ARGV: 1 prefix   2 how many at most
-- returns how many it looked at
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', Calls.now()), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do Calls.expire(ARGV[1], id) end
return #due
