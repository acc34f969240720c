#!lua flags=allow-oom
-- Hands entries of the queue to a processor. Each stands in the processor's hash, under a running number,
-- from the moment it leaves the queue until it is finished.
--
-- What was handed out in a reply that got lost comes again: the processor names the highest number it has
-- seen, and everything above goes out first, and alone.
--
-- One processor at a time has the right to wait for entries (BLMOVE): if each waited, each entry of a batch would
-- wake another one, for a batch of one. The others rest until a token in `help` wakes one of them: when there is more than
-- the waiting one should take alone, when it cannot take, or when it is likely to compute for long. The right runs out by
-- itself if its process dies.
--
-- KEYS: 1 process:{pid}  2 processing:{pid}  3 landing:{pid}  4 requests  5 rescued  6 running  7 waiter  8 help
-- ARGV: 1 highest number seen   2 how many entries at most (up to 1000)   3 pid   4 how long the right to wait lasts, ms
--       5 'slow' of a process that computed for long over what it took last, else ''
-- returns {next, number, entry, number, entry, ...}, oldest first; next is what the process shall do then: 'take' (there is
-- more), 'wait' or 'rest'. {'gone'} without a living registration, or with one that Redis set back in time;
-- {'busy'} when a rescued entry waits for this processor to have empty hands.
-- An entry of `rescued` starts with its delivery count and a line feed, and comes alone.
local registration = redis.call('HMGET', KEYS[1], 'state', 'top')
if registration[1] ~= 'live' then return { 'gone' } end
local top = tonumber(registration[2]) or 0
local seen, most = tonumber(ARGV[1]), tonumber(ARGV[2])
-- So many entries at once are work for two.
local MANY = 16
-- A token that nobody wants is of no use later; ms.
local HELP_MS = 1000
-- Redis lost what it did last (a replica that lagged, a file written once a second): numbers below `seen`
-- would be given again and never come out. The process starts anew; what it holds is rescued with its lease.
if seen > top then return { 'gone' } end

local reply = { 'rest' }

local function hold(entries)
  if #entries == 0 then return end
  local last = redis.call('INCRBY', KEYS[6], #entries)
  local numbered = {}
  for i = 1, #entries do
    local number = string.format('%.0f', last - #entries + i)
    numbered[2 * i - 1], numbered[2 * i] = number, entries[i]
    reply[#reply + 1] = number
    reply[#reply + 1] = entries[i]
  end
  redis.call('HSET', KEYS[2], unpack(numbered))
  redis.call('HSET', KEYS[1], 'top', numbered[#numbered - 1])
end

local function callForHelp()
  if redis.call('EXISTS', KEYS[8]) == 0 then
    redis.call('LPUSH', KEYS[8], ARGV[3])
    redis.call('PEXPIRE', KEYS[8], HELP_MS)
  end
end

-- The reply, with who waits for what comes next. `full`: this process cannot take more now.
local function handOut(full)
  local count = (#reply - 1) / 2
  local many = full or count >= MANY
  local elsewhere = full or count > 0 and ARGV[5] == 'slow'
  local waiter = redis.call('GET', KEYS[7])
  if elsewhere and waiter == ARGV[3] then redis.call('DEL', KEYS[7]) end
  if elsewhere or many then callForHelp() end
  if many then reply[1] = 'take' end
  if not elsewhere and (not waiter or waiter == ARGV[3]) then
    redis.call('SET', KEYS[7], ARGV[3], 'PX', ARGV[4])
    if count < MANY then reply[1] = 'wait' end
  end
  return reply
end

local landed = redis.call('LRANGE', KEYS[3], 0, -1)
if #landed > 0 then redis.call('DEL', KEYS[3]) end
hold(landed)

if top > seen then
  local all = redis.call('HGETALL', KEYS[2])
  local missed = {}
  for i = 1, #all, 2 do
    if tonumber(all[i]) > seen then missed[#missed + 1] = { all[i], all[i + 1] } end
  end
  if #missed > 0 then
    table.sort(missed, function(a, b) return tonumber(a[1]) < tonumber(b[1]) end)
    reply = { 'rest' }
    for i = 1, #missed do
      reply[2 * i] = missed[i][1]
      reply[2 * i + 1] = missed[i][2]
    end
    return handOut(false)
  end
end

-- A rescued entry may be the one that killed its processor: it is taken with empty hands, and nothing
-- younger before it, so that it counts alone.
if redis.call('LLEN', KEYS[5]) > 0 then
  if #landed > 0 then return handOut(false) end
  local busy = redis.call('HLEN', KEYS[2]) > 0
  if not busy then hold({ redis.call('RPOP', KEYS[5]) }) end
  handOut(true)
  return busy and { 'busy' } or reply
end
hold(redis.call('RPOP', KEYS[4], most - #landed) or {})
return handOut((#reply - 1) / 2 >= most)
