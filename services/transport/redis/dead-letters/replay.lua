#!lua
-- Takes a dead letter back into the queue. Taking it out is the fence: a script that is sent twice queues nothing twice.
--
-- KEYS: 1 dead-letters   2 requests
-- ARGV: 1 id   2 entry as it goes into the queue
-- returns 1, or 0 when there is no such letter (any more)
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
