#!lua
--- @include clock
-- Notes refused handshakes. Each has a place in the room of known stations, or in that of other identities. In a full room the
-- oldest entry gives its place, if it was not refused of late.
--
-- KEYS[1] refused          HASH '<code> <identity>' -> '<first, ms> <count> <facts>'
-- KEYS[2] refused-known    ZSET the same field -> when it was last refused, ms
-- KEYS[3] refused-unknown  ZSET the same
-- KEYS[4] known-stations   ZSET of station ids
-- KEYS[5] stations         HASH station -> entry, the register
-- ARGV[1] entries of a room at most
-- ARGV[2] ms for which an entry gives its place to no other
-- ARGV[3] ms for which an entry is kept
-- ARGV[4] ...  per refusal: identity, code, count, facts (JSON)
-- Returns the number of refusals that got a place.
local most, sparedMs, keptMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = Clock.now()

local function remove(room, field)
  redis.call('HDEL', KEYS[1], field)
  redis.call('ZREM', room, field)
end

-- Of a full room, its oldest entry; false if that was refused of late.
local function makeRoom(room)
  local oldest = redis.call('ZRANGE', room, 0, 0, 'WITHSCORES')
  if tonumber(oldest[2]) > now - sparedMs then return false end
  remove(room, oldest[1])
  return true
end

for i = 2, 3 do
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now - keptMs, 'LIMIT', 0, most)) do
    remove(KEYS[i], field)
  end
end

local placed = 0
for i = 4, #ARGV, 4 do
  local identity, field, count = ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i], tonumber(ARGV[i + 2])
  local room, other = KEYS[3], KEYS[2]
  if redis.call('ZSCORE', KEYS[4], identity) or redis.call('HGET', KEYS[5], identity) then room, other = other, room end
  -- It became known since, or is no longer.
  redis.call('ZREM', other, field)
  if redis.call('ZSCORE', room, field) or redis.call('ZCARD', room) < most or makeRoom(room) then
    local first, before = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%d+) (%d+) ')
    local counts = string.format('%s %.0f ', first or string.format('%.0f', now), count + tonumber(before or 0))
    redis.call('HSET', KEYS[1], field, counts .. ARGV[i + 3])
    redis.call('ZADD', room, now, field)
    placed = placed + 1
  else
    redis.call('HDEL', KEYS[1], field)
  end
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], keptMs) end
return placed
