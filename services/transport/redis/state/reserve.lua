#!lua flags=allow-oom
-- Reserves consecutive numbers of a counter.
--
-- KEYS[1] the counter
-- ARGV[1] how many
-- ARGV[2] least first number
-- Returns the first.
local next = math.max(tonumber(redis.call('GET', KEYS[1]) or 1), tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', next + tonumber(ARGV[1])))
return next
