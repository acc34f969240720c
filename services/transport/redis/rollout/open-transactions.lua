#!lua flags=allow-oom
-- Finds the stations with an open transaction.
--
-- KEYS[1] requests  names the slot
-- ARGV[1] ...       per station: whole key of its open transactions (ZSET)
-- Returns the positions, from 1, of the keys that exist.
local open = {}
for i = 1, #ARGV do
  if redis.call('EXISTS', ARGV[i]) == 1 then open[#open + 1] = i end
end
return open
