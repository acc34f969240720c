#!lua flags=allow-oom
-- Replaces an entry of a stream by a new one at its end: an entry cannot change.
--
-- KEYS[1] the stream
-- ARGV[1] id of the entry
-- ARGV[2...] names and values of the new one by turns
-- Returns 1, or 0 if the entry was not there: then nothing is added.
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return 1
