-- The clock of Redis: the same for every process.
local Clock = {}

-- ms since 1970
function Clock.now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
