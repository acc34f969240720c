#!lua flags=no-writes
-- The load of the queue.
--
-- KEYS[1] requests        LIST
-- KEYS[2] rescued         LIST of requeued entries
-- KEYS[3] processors      ZSET of process ids
-- KEYS[4] dead-letters    STREAM
-- KEYS[5] call-deadlines  ZSET of the calls to stations that have not ended
-- ARGV[1] prefix
-- Returns {entries waiting, entries in flight, dead letters, open calls, oldest of requests, both ends of rescued}; the last
--   three are '' where there is none. Either end may be the oldest one: reclaimed entries are added on the right, hand-overs on
--   the left.
local inFlight = 0
for _, processId in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  inFlight = inFlight + redis.call('HLEN', ARGV[1] .. ':processing:' .. processId)
end
return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]), inFlight,
  redis.call('XLEN', KEYS[4]), redis.call('ZCARD', KEYS[5]),
  redis.call('LINDEX', KEYS[1], -1) or '', redis.call('LINDEX', KEYS[2], -1) or '', redis.call('LINDEX', KEYS[2], 0) or '',
}
