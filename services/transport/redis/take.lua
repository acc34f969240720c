#!lua flags=allow-oom
-- Hands entries of the queue to a processor. Each stands in the processor's hash, under a running number,
-- from the moment it leaves the queue until it is finished.
--
-- What was handed out in a reply that got lost comes again: the processor names the highest number it has
-- seen, and everything above goes out first, and alone.
--
-- KEYS: 1 process:{pid}  2 processing:{pid}  3 landing:{pid}  4 requests  5 rescued  6 running
-- ARGV: 1 highest number seen   2 how many entries at most (up to 1000)
-- returns {number, entry, number, entry, ...}, oldest first; {'gone'} without a living registration, or with one
-- that Redis set back in time; {'busy'} when a rescued entry waits for this processor to have empty hands.
-- An entry of `rescued` starts with its delivery count and a line feed, and comes alone.
local registration = redis.call('HMGET', KEYS[1], 'state', 'top')
if registration[1] ~= 'live' then return { 'gone' } end
local top = tonumber(registration[2]) or 0
local seen = tonumber(ARGV[1])
-- Redis lost what it did last (a replica that lagged, a file written once a second): numbers below `seen`
-- would be given again and never come out. The process starts anew; what it holds is rescued with its lease.
if seen > top then return { 'gone' } end

local function hold(entries)
  if #entries == 0 then return {} end
  local last = redis.call('INCRBY', KEYS[6], #entries)
  local numbered = {}
  for i = 1, #entries do
    numbered[2 * i - 1] = string.format('%.0f', last - #entries + i)
    numbered[2 * i] = entries[i]
  end
  redis.call('HSET', KEYS[2], unpack(numbered))
  redis.call('HSET', KEYS[1], 'top', numbered[#numbered - 1])
  return numbered
end

local landed = redis.call('LRANGE', KEYS[3], 0, -1)
if #landed > 0 then
  redis.call('DEL', KEYS[3])
  top = tonumber(hold(landed)[#landed * 2 - 1])
end

if top > seen then
  local all = redis.call('HGETALL', KEYS[2])
  local missed = {}
  for i = 1, #all, 2 do
    if tonumber(all[i]) > seen then missed[#missed + 1] = { all[i], all[i + 1] } end
  end
  if #missed > 0 then
    table.sort(missed, function(a, b) return tonumber(a[1]) < tonumber(b[1]) end)
    local again = {}
    for i = 1, #missed do
      again[2 * i - 1] = missed[i][1]
      again[2 * i] = missed[i][2]
    end
    return again
  end
end

-- A rescued entry may be the one that killed its processor: it is taken with empty hands, and nothing
-- younger before it, so that it counts alone.
if redis.call('LLEN', KEYS[5]) > 0 then
  if redis.call('HLEN', KEYS[2]) > 0 then return { 'busy' } end
  return hold({ redis.call('RPOP', KEYS[5]) })
end
return hold(redis.call('RPOP', KEYS[4], ARGV[2]) or {})
