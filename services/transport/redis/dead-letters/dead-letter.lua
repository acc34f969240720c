#!lua flags=allow-oom
--- @include add-dead-letter
-- Moves an entry that cannot be handled from a processor's hash to the dead letters.
--
-- KEYS[1] processing:{process id}  HASH delivery tag -> entry
-- KEYS[2] dead-letters             STREAM
-- ARGV[1] delivery tag
-- ARGV[2] reason (one line)
-- ARGV[3] dead letters kept
-- ARGV[4] the entry, where the hash has lost it already; else omitted
-- Returns 1, or 0 when the processor does not hold the entry any more.
local entry = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[4]
if not entry then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
DeadLetters.add(KEYS[2], ARGV[3], ARGV[2], DeadLetters.split(entry))
return 1
