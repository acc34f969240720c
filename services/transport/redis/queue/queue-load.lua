#!lua flags=no-writes
-- The queue in figures.
--
-- KEYS: 1 requests  2 rescued  3 processors  4 dead-letters  5 call-deadlines
-- ARGV: 1 prefix
-- returns {frames waiting, frames in hand, oldest waiting entry or '', the same of the rescued, dead letters,
-- calls to stations that have not ended}
local inHand = 0
for _, pid in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  inHand = inHand + redis.call('HLEN', ARGV[1] .. ':processing:' .. pid)
end
return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]), inHand,
  redis.call('LINDEX', KEYS[1], -1) or '', redis.call('LINDEX', KEYS[2], -1) or '', redis.call('XLEN', KEYS[4]),
  redis.call('ZCARD', KEYS[5]),
}
