#!lua
-- Enqueues a dead letter again. Removing it is the fence: a script that is sent twice enqueues nothing twice.
--
-- KEYS[1] dead-letters  STREAM
-- KEYS[2] requests      LIST
-- ARGV[1] id of the letter
-- ARGV[2] entry of the queue
-- Returns 1, or 0 when there is no such letter (any more).
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
