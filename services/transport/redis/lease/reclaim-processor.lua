#!lua flags=allow-oom
--- @include clock
--- @include requeue-entries
-- First pass over a dead processor: marks it dead, so that it can claim nothing more, and requeues what it holds.
--
-- KEYS[1] process:{process id}     HASH, the registration
-- KEYS[2] processing:{process id}  HASH delivery tag -> entry
-- KEYS[3] landing:{process id}     LIST, its staging list
-- KEYS[4] requests                 LIST
-- KEYS[5] rescued                  LIST of requeued entries
-- KEYS[6] dead-letters             STREAM
-- KEYS[7] processors               ZSET process id -> end of its lease in ms
-- KEYS[8] waiter                   STRING, holder of the poll lease
-- KEYS[9] help                     LIST of wake-up tokens
-- ARGV[1] process id
-- ARGV[2] deliveries after which an entry becomes a dead letter
-- ARGV[3] dead letters kept
-- ARGV[4] reason, for a dead letter
-- ARGV[5] prefix
-- Returns {1, client ids}, or {0} while its lease runs.
if redis.call('HGET', KEYS[1], 'state') == 'live' then
  local lease = redis.call('ZSCORE', KEYS[7], ARGV[1])
  if lease and tonumber(lease) > Clock.now() then return { 0 } end
  redis.call('HSET', KEYS[1], 'state', 'dead')
end
local how = {
  reclaimed = KEYS[5], deadLetters = KEYS[6], prefix = ARGV[5],
  release = redis.call('HGET', KEYS[1], 'release') or '', counted = true,
  limit = tonumber(ARGV[2]), kept = ARGV[3], reason = ARGV[4],
}
local keys = {
  processing = KEYS[2], staging = KEYS[3], requests = KEYS[4], pollLease = KEYS[8], wakeUpTokens = KEYS[9],
}
Requeue.all(how, keys, ARGV[1])
return { 1, redis.call('HGET', KEYS[1], 'clients') or '' }
