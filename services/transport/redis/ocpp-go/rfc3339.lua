-- A time of Redis as ocpp-go writes it: Lua in Redis has no calendar.

-- @param ms since 1970
local function rfc3339(ms)
  local days, rest = math.floor(ms / 86400000), ms % 86400000
  -- Civil date of a day since 1970, in years that begin in March.
  local era = days + 719468
  local inCycle = era % 146097
  local year = math.floor((inCycle - math.floor(inCycle / 1460) + math.floor(inCycle / 36524)
    - math.floor(inCycle / 146096)) / 365)
  local inYear = inCycle - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * inYear + 2) / 153)
  local day = inYear - math.floor((153 * month + 2) / 5) + 1
  year = year + math.floor(era / 146097) * 400 + (month < 10 and 0 or 1)
  month = month < 10 and month + 3 or month - 9
  return string.format('%04d-%02d-%02dT%02d:%02d:%06.3fZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, rest % 60000 / 1000)
end
