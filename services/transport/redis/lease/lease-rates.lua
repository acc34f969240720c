#!lua flags=allow-oom
--- @include clock
-- Leases a process its shares of the rates of the cluster, or renews them. The sum of all valid shares of a rate is never
-- above it: a process gets its fair part, but no more than the others leave. Of the rates that processes ask for, the lowest
-- counts: while a setting changes, both the old and the new value hold.
--
-- A hash that is new may have lost leases, in a failover or a restart: for the time of one lease a process that has shares
-- gets no more than it uses already.
--
-- KEYS[1] rates  HASH process -> 'end of its lease in ms', then 'rate demand share' for each rate, then 'waiting' for each rate;
--   since -> when it was made. Earlier releases have no waiting, and ignore it
-- ARGV[1] process
-- ARGV[2] lease in ms
-- ARGV[3] part of a rate that is divided equally
-- ARGV[4] ...    per rate: rate (0: no limit), demand, share that the process uses now ('' before its first share), waiting
-- Returns {processes, share, demand of all, share, ...}, shares and demands as texts.
local process, leaseMs, equalPart = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = Clock.now()
local since = tonumber(redis.call('HGET', KEYS[1], 'since'))
if not since then
  since = now
  redis.call('HSET', KEYS[1], 'since', now)
end

-- The valid leases of the others; those that have ended are removed.
local others = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= 'since' and all[i] ~= process then
    local figures = {}
    for figure in string.gmatch(all[i + 1], '%S+') do figures[#figures + 1] = tonumber(figure) end
    if figures[1] and figures[1] > now then
      others[#others + 1] = figures
    else
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end

-- at: place of the rate in the figures of a lease.
local function shareOf(at, rate, ownDemand, used)
  local demand, taken, sharers = ownDemand, 0, 1
  if rate == 0 then return 0, demand end
  for _, other in ipairs(others) do
    if (other[at] or 0) > 0 then
      rate = math.min(rate, other[at])
      demand = demand + other[at + 1]
      taken = taken + other[at + 2]
      sharers = sharers + 1
    end
  end
  local equal = rate * equalPart
  local share = math.min(rate * (ownDemand + equal / sharers) / (demand + equal), rate - taken)
  if used and now - since < leaseMs then share = math.min(share, used) end
  return math.max(0, math.floor(share * 1e6) / 1e6), demand
end

local lease, waiting, reply = { string.format('%d', now + leaseMs) }, {}, { #others + 1 }
for i = 4, #ARGV, 4 do
  local rate, demand, used = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local share, demandOfAll = shareOf(2 + (i - 4) / 4 * 3, rate, demand, used)
  local text = string.format('%.6f', share)
  lease[#lease + 1] = ARGV[i] .. ' ' .. ARGV[i + 1] .. ' ' .. text
  waiting[#waiting + 1] = ARGV[i + 3]
  reply[#reply + 1] = text
  reply[#reply + 1] = string.format('%.6f', demandOfAll)
end
redis.call('HSET', KEYS[1], process, table.concat(lease, ' ') .. ' ' .. table.concat(waiting, ' '))
redis.call('PEXPIRE', KEYS[1], leaseMs)
return reply
