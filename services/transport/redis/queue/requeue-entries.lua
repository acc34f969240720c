--- @include add-dead-letter
--- @include releases
--- @include wake-up
-- Requeues entries, for requeue.lua and for the scripts that end a processor.
--
-- A table says how: the whole keys `reclaimed` and `deadLetters`; `prefix`; `release` of the processor that held the entries;
-- `counted`, whether the delivery counts; `limit`, failed deliveries after which an entry becomes a dead letter; `kept` and
-- `reason` of dead letters.
local Requeue = {}

-- Requeues one entry, with its delivery count one higher if the delivery counts. Deliveries count by release: an entry becomes
-- a dead letter when this one has failed it as often as `limit`, and no other living one has failed it less often. Without a
-- known release all deliveries count together.
-- Returns whether another release is next, and whether it became a dead letter.
function Requeue.entry(how, entry)
  local count, text = DeadLetters.split(entry)
  local bare, attempts = Releases.split(text)
  local release, next = how.release, how.counted and count + 1 or count
  local isLast, isForAnother = how.counted and next > how.limit, false
  if how.counted and Releases.areNoted(bare, release) then
    attempts[release] = math.min((attempts[release] or 0) + 1, how.limit)
    how.living = how.living or Releases.living(how.prefix)
    isForAnother = Releases.isForAnother(attempts, release, how.living)
    isLast = attempts[release] == how.limit and not isForAnother
  end
  if isLast then
    DeadLetters.add(how.deadLetters, how.kept, how.reason, count, bare)
  else
    redis.call('RPUSH', how.reclaimed, string.format('%d\n', next) .. Releases.join(bare, attempts))
  end
  return isForAnother, isLast
end

-- Requeues what a processor holds, oldest claimed next, and releases its poll lease.
-- @param keys whole keys: processing, staging, requests, pollLease, wakeUpTokens
function Requeue.all(how, keys, processId)
  -- Entries of the staging list were never handed out: no delivery to count.
  local staged = redis.call('LRANGE', keys.staging, 0, -1)
  for i = 1, #staged do redis.call('RPUSH', keys.requests, staged[i]) end
  redis.call('DEL', keys.staging)

  local all = redis.call('HGETALL', keys.processing)
  local held = {}
  for i = 1, #all, 2 do held[#held + 1] = { tag = tonumber(all[i]), entry = all[i + 1] } end
  table.sort(held, function(a, b) return a.tag > b.tag end)
  for i = 1, #held do
    Requeue.entry(how, held[i].entry)
  end
  redis.call('DEL', keys.processing)

  if redis.call('GET', keys.pollLease) == processId then redis.call('DEL', keys.pollLease) end
  -- Requeued entries wake no processor by themselves.
  wakeOne(keys.wakeUpTokens, processId)
end
