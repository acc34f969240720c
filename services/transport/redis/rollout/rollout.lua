--- @include clock
-- The counts of the last rollout.
local Rollout = {}

-- Counts the return of a station that was moved, and returns the ms since its close.
-- counts: HASH of the rollout; away: ZSET of its stations that are away; seconds: how long the counts are kept
function Rollout.returned(counts, away, station, closedAt, seconds)
  local now = Clock.now()
  redis.call('ZREM', away, station)
  local second = string.format('%.0f', math.floor(now / 1000))
  local held = redis.call('HMGET', counts, 'second', 'returns', 'peak')
  local returns = held[1] == second and tonumber(held[2]) + 1 or 1
  redis.call('HSET', counts, 'second', second, 'returns', returns,
    'peak', math.max(returns, tonumber(held[3] or 0)))
  redis.call('EXPIRE', counts, seconds)
  return math.max(0, now - tonumber(closedAt))
end
