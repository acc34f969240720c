#!lua flags=allow-oom
--- @include requeue-entries
--- @include wake-up
-- Requeues one entry that a living processor could not handle.
--
-- KEYS[1] processing:{process id}  HASH delivery tag -> entry
-- KEYS[2] rescued                  LIST of requeued entries
-- KEYS[3] dead-letters             STREAM
-- KEYS[4] help                     LIST of wake-up tokens
-- ARGV[1] process id
-- ARGV[2] delivery tag
-- ARGV[3] '1' when the delivery counts, '0' when the entry could not be tried
-- ARGV[4] deliveries after which an entry becomes a dead letter
-- ARGV[5] dead letters kept
-- ARGV[6] reason, for a dead letter
-- ARGV[7] release of the processor, or ''
-- ARGV[8] prefix
-- Returns 1, 2 when processors of another release are next, 3 when it became a dead letter, or 0 when the processor does not hold
-- the entry any more.
local result = 0
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if entry then
  local how = {
    reclaimed = KEYS[2], deadLetters = KEYS[3], prefix = ARGV[8], release = ARGV[7], counted = ARGV[3] == '1',
    limit = tonumber(ARGV[4]), kept = ARGV[5], reason = ARGV[6],
  }
  redis.call('HDEL', KEYS[1], ARGV[2])
  local isForAnother, isLast = Requeue.entry(how, entry)
  result = isForAnother and 2 or isLast and 3 or 1
end
wakeOne(KEYS[4], ARGV[1])
return result
