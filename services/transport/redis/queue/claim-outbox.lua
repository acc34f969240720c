#!lua flags=allow-oom
-- Hands a proxy what its stations shall get, in numbered batches. A batch is kept until the proxy names
-- its number, so a reply that got lost comes again, and a request that is sent twice drops nothing.
--
-- KEYS: 1 process:{pid}  2 outbox:{pid}  3 inflight:{pid}
-- ARGV: 1 number of the last batch received   2 prefix
-- returns {number, entry, ...}, newest entry first, or {-1} without a living registration.
-- An entry: epoch, space, message type (0: close the socket), space, message id (JSON), line feed, text.
-- A CALL that was routed stands in the outbox without its text: here it becomes sent, with its time-out in ms behind
-- the message id, or '' when it is not for this connection any more.

-- The time in RFC 3339. It cannot come as an argument: the script waits in Redis behind a blocking command.
local function now()
  local ms = Calls.now()
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

local registration = redis.call('HMGET', KEYS[1], 'state', 'batch')
if registration[1] ~= 'live' then return { -1 } end
local batch = tonumber(registration[2]) or 0
if tonumber(ARGV[1]) == batch then redis.call('DEL', KEYS[3]) end
local reply
if redis.call('EXISTS', KEYS[3]) == 0 and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[3])
  batch = redis.call('HINCRBY', KEYS[1], 'batch', 1)
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
  for i, entry in ipairs(reply) do
    if string.byte(entry, -1) == 10 then
      local epoch, id = string.match(entry, '^(%d+) 2 "([^"]+)"\n$')
      if id then
        reply[i] = Calls.send(ARGV[2], id, epoch, now()) or ''
        redis.call('LSET', KEYS[3], i - 1, reply[i])
      end
    end
  end
else
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
end
table.insert(reply, 1, batch)
return reply
