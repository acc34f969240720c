#!lua flags=allow-oom
-- Moves an entry that nobody can handle from a processor's hash to the dead letters, with the reason.
--
-- KEYS: 1 processing:{pid}   2 dead-letters
-- ARGV: 1 number   2 reason (one line)   3 dead letters kept   4 the entry, where the hash has lost it already
-- returns 1, or 0 when the processor does not hold it any more
local entry = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[4]
if not entry then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
Dead.bury(KEYS[2], ARGV[3], ARGV[2], Dead.split(entry))
return 1
