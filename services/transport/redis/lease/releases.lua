-- Which release handles an entry next. An entry that failed carries the failed attempts of each known release as the last
-- field of its envelope, "attempts":{"<release>":<number>}. Of the living releases, the one with the fewest is next; an entry
-- without that field is for all. A processor of an earlier version, or outside a Deployment, has the release '': it handles
-- any entry, and its failures are not in the field.
local Releases = {}

-- The field is searched in so many bytes at the end: an entry may have 256 kB, and a hundred releases need less.
local FIELD_BYTES = 8192

-- Splits an entry, with or without its delivery count: the entry as it was without the field, and the attempts.
function Releases.split(entry)
  local tail, attempts = string.sub(entry, -FIELD_BYTES), {}
  local at, _, list = string.find(tail, ',"attempts":{([^{}]*)}}$')
  if not at then return entry, attempts end
  for release, number in string.gmatch(list, '"([^"]*)":(%d+)') do attempts[release] = tonumber(number) end
  return string.sub(entry, 1, #entry - #tail + at - 1) .. '}', attempts
end

-- Joins what split has split. `entry` ends an object, or there are no attempts.
function Releases.join(entry, attempts)
  local list = {}
  for release, number in pairs(attempts) do list[#list + 1] = string.format('"%s":%d', release, number) end
  if #list == 0 then return entry end
  table.sort(list)
  return string.sub(entry, 1, -2) .. ',"attempts":{' .. table.concat(list, ',') .. '}}'
end

-- Whether the failures of a release can be noted on the entry: not on a text that is no envelope.
function Releases.areNoted(entry, release)
  local brace = string.find(entry, '{', 1, true)
  return release ~= '' and string.sub(entry, -1) == '}' and brace ~= nil and brace < #entry - 1
end

-- The releases of all living processors, as a set. One that stops claims no more, so it does not count. One whose lease has
-- ended counts until it is reclaimed: after an outage of Redis all leases have ended, and their processors live.
function Releases.living(prefix)
  local living = {}
  for _, id in ipairs(redis.call('ZRANGE', prefix .. ':processors', 0, -1)) do
    local held = redis.call('HMGET', prefix .. ':process:' .. id, 'state', 'release', 'leaving')
    if held[1] == 'live' and not held[3] then living[held[2] or ''] = true end
  end
  return living
end

-- Whether another living release has failed the entry less often.
function Releases.isForAnother(attempts, release, living)
  for other in pairs(living) do
    if other ~= release and (attempts[other] or 0) < (attempts[release] or 0) then return true end
  end
  return false
end
