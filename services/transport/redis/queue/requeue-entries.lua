--- @include add-dead-letter
--- @include wake-up
-- Requeues entries, for requeue.lua and for the scripts that end a processor.
local Requeue = {}

-- Requeues one entry, with its delivery count one higher if the delivery counts. What was delivered more often than `limit`
-- becomes a dead letter.
function Requeue.entry(reclaimed, deadLetters, entry, counted, limit, kept, reason)
  local count, text = DeadLetters.split(entry)
  local next = counted and count + 1 or count
  if next > limit then
    DeadLetters.add(deadLetters, kept, reason, count, text)
  else
    redis.call('RPUSH', reclaimed, string.format('%d\n', next) .. text)
  end
end

-- Requeues what a processor holds, oldest claimed next, and releases its poll lease.
-- @param keys whole keys: processing, staging, requests, reclaimed, deadLetters, pollLease, wakeUpTokens
function Requeue.all(keys, processId, counted, limit, kept, reason)
  -- Entries of the staging list were never handed out: no delivery to count.
  local staged = redis.call('LRANGE', keys.staging, 0, -1)
  for i = 1, #staged do redis.call('RPUSH', keys.requests, staged[i]) end
  redis.call('DEL', keys.staging)

  local all = redis.call('HGETALL', keys.processing)
  local held = {}
  for i = 1, #all, 2 do held[#held + 1] = { tag = tonumber(all[i]), entry = all[i + 1] } end
  table.sort(held, function(a, b) return a.tag > b.tag end)
  for i = 1, #held do
    Requeue.entry(keys.reclaimed, keys.deadLetters, held[i].entry, counted, limit, kept, reason)
  end
  redis.call('DEL', keys.processing)

  if redis.call('GET', keys.pollLease) == processId then redis.call('DEL', keys.pollLease) end
  -- Requeued entries wake no processor by themselves.
  wakeOne(keys.wakeUpTokens, processId)
end
