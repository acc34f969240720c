#!lua flags=allow-oom
--- @include releases
--- @include wake-up
-- Claims entries of the queue for a processor. Each is in the processor's hash, under a delivery tag, from the moment it leaves
-- the queue until it is acknowledged.
--
-- Entries whose reply was lost are handed out again: the processor names the highest tag that it received, and everything above
-- it is handed out first, and alone.
--
-- One processor at a time holds the poll lease and waits for entries (BLMOVE into its staging list): if each waited, each entry
-- of a batch would wake another one, for a batch of one. The others rest until a wake-up token wakes one of them: when there is
-- more than the lease holder should claim alone, when it cannot claim, or when it is likely to compute for long. The lease
-- expires if its holder dies.
--
-- KEYS[1] process:{process id}     HASH, the registration
-- KEYS[2] processing:{process id}  HASH delivery tag -> entry
-- KEYS[3] landing:{process id}     LIST, its staging list
-- KEYS[4] requests                 LIST
-- KEYS[5] rescued                  LIST of requeued entries, claimed before requests
-- KEYS[6] running                  counter of delivery tags
-- KEYS[7] waiter                   STRING, holder of the poll lease
-- KEYS[8] help                     LIST of wake-up tokens
-- ARGV[1] highest delivery tag received
-- ARGV[2] entries at most (up to 1000)
-- ARGV[3] process id
-- ARGV[4] poll lease in ms
-- ARGV[5] 'slow' from a process that computed for long over its last batch, else ''
-- ARGV[6] release of the process, or ''
-- ARGV[7] prefix
-- Returns {next, tag, entry, tag, entry, ...}, oldest first; next says how to claim the next time: 'claim' (at once: there is
--   more), 'wait' (behind BLMOVE: this process holds the poll lease) or 'rest' (behind a wake-up token).
-- Returns {'gone'} without a living registration, or with one that Redis set back in time.
-- Returns {'busy'} when a reclaimed entry waits until this processor holds nothing.
-- A requeued entry starts with its delivery count and a line feed. With a count above 1 it counts as reclaimed, and is handed out
-- alone. What this release failed more often than another living one is for that one, and stays.
local registration = redis.call('HMGET', KEYS[1], 'state', 'top')
if registration[1] ~= 'live' then return { 'gone' } end
local top = tonumber(registration[2]) or 0
local seen, most, processId = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
-- So many entries at once are work for two.
local MANY = 16
-- A claim passes over so many entries that are for another release.
local MOST_PASSED = 16
-- Redis lost its last writes (a replica that lagged, a file written once a second): tags below `seen` would be given out again
-- and never be handed out. The process registers under a new id; what it holds is reclaimed when its lease ends.
if seen > top then return { 'gone' } end

local reply = { 'rest' }

local function hold(entries)
  if #entries == 0 then return end
  local last = redis.call('INCRBY', KEYS[6], #entries)
  local tagged = {}
  for i = 1, #entries do
    local tag = string.format('%.0f', last - #entries + i)
    tagged[2 * i - 1], tagged[2 * i] = tag, entries[i]
    reply[#reply + 1] = tag
    reply[#reply + 1] = entries[i]
  end
  redis.call('HSET', KEYS[2], unpack(tagged))
  redis.call('HSET', KEYS[1], 'top', tagged[#tagged - 1])
end

-- The reply, with who waits for the next entries. `full`: this process cannot claim more now.
local function handOut(full)
  local count = (#reply - 1) / 2
  local many = full or count >= MANY
  local elsewhere = full or count > 0 and ARGV[5] == 'slow'
  local holder = redis.call('GET', KEYS[7])
  if elsewhere and holder == processId then redis.call('DEL', KEYS[7]) end
  if elsewhere or many then wakeOne(KEYS[8], processId) end
  if many then reply[1] = 'claim' end
  if not elsewhere and (not holder or holder == processId) then
    redis.call('SET', KEYS[7], processId, 'PX', ARGV[4])
    if count < MANY then reply[1] = 'wait' end
  end
  return reply
end

local staged = redis.call('LRANGE', KEYS[3], 0, -1)
if #staged > 0 then redis.call('DEL', KEYS[3]) end
hold(staged)

if top > seen then
  local all = redis.call('HGETALL', KEYS[2])
  local missed = {}
  for i = 1, #all, 2 do
    if tonumber(all[i]) > seen then missed[#missed + 1] = { tag = all[i], entry = all[i + 1] } end
  end
  if #missed > 0 then
    table.sort(missed, function(a, b) return tonumber(a.tag) < tonumber(b.tag) end)
    reply = { 'rest' }
    for i = 1, #missed do
      reply[2 * i] = missed[i].tag
      reply[2 * i + 1] = missed[i].entry
    end
    return handOut(false)
  end
end

local release, living = ARGV[6], nil

local function isForAnother(entry)
  if release == '' then return false end
  local _, attempts = Releases.split(entry)
  if not attempts[release] then return false end
  living = living or Releases.living(ARGV[7])
  return Releases.isForAnother(attempts, release, living)
end

-- Removes a requeued entry behind `passed` others.
local function take(entry, passed)
  if passed == 0 then return redis.call('RPOP', KEYS[5]) end
  redis.call('LREM', KEYS[5], -1, entry)
  return entry
end

-- Requeued entries come first. What is for another release stays; behind MOST_PASSED of these nothing is claimed.
local requeued, passed, first = {}, 0, nil
while passed < MOST_PASSED do
  local entry = redis.call('LINDEX', KEYS[5], -1 - passed)
  if not entry then break end
  if isForAnother(entry) then
    passed = passed + 1
  elseif string.match(entry, '^1\n') and #staged + #requeued < most then
    requeued[#requeued + 1] = take(entry, passed)
  else
    first = entry
    break
  end
end
hold(requeued)

-- A reclaimed entry may be the one that killed its processor: a processor claims it only while it holds nothing, and nothing
-- younger before it, so that it counts alone.
if first then
  if #reply > 1 then
    -- No waiting before the next claim: under a steady load it would find a staged entry each time.
    handOut(false)
    reply[1] = 'claim'
    return reply
  end
  local busy = redis.call('HLEN', KEYS[2]) > 0
  if not busy then hold({ take(first, passed) }) end
  handOut(true)
  return busy and { 'busy' } or reply
end
local room = most - #staged - #requeued
hold(redis.call('RPOP', KEYS[4], room) or {})
return handOut((#reply - 1) / 2 >= most)
