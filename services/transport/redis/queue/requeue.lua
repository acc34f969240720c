#!lua flags=allow-oom
--- @include requeue-entries
--- @include wake-up
-- Requeues one entry that a living processor could not handle.
--
-- KEYS[1] processing:{process id}  HASH delivery tag -> entry
-- KEYS[2] rescued                  LIST of reclaimed entries
-- KEYS[3] dead-letters             STREAM
-- KEYS[4] help                     LIST of wake-up tokens
-- ARGV[1] process id
-- ARGV[2] delivery tag
-- ARGV[3] '1' when the delivery counts, '0' when the entry could not be tried
-- ARGV[4] deliveries after which an entry becomes a dead letter
-- ARGV[5] dead letters kept
-- ARGV[6] reason, for a dead letter
-- Returns 1, or 0 when the processor does not hold the entry any more.
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if entry then
  redis.call('HDEL', KEYS[1], ARGV[2])
  Requeue.entry(KEYS[2], KEYS[3], entry, ARGV[3] == '1', tonumber(ARGV[4]), ARGV[5], ARGV[6])
end
wakeOne(KEYS[4], ARGV[1])
return entry and 1 or 0
