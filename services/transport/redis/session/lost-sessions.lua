#!lua flags=allow-oom
-- Finds the connections of a proxy that do not hold their stations' sessions any more.
--
-- KEYS[1] requests  names the slot
-- ARGV[1] prefix
-- ARGV[2] proxy id
-- ARGV[3] 'ocpp-go' where processors of ocpp-go may have deleted a session, which heal-session.lua mends, else ''
-- ARGV[4] ...       per connection: station (escaped), epoch
-- Returns the epochs that were replaced or deleted.
local prefix, proxyId = ARGV[1], ARGV[2]
local lost = {}
for i = 4, #ARGV, 2 do
  local station, epoch = ARGV[i], ARGV[i + 1]
  local held = redis.call('HMGET', prefix .. ':session:' .. station, 'connection', 'ws_server_id')
  local deleted = ARGV[3] == 'ocpp-go' and not held[1]
    and redis.call('SISMEMBER', prefix .. ':sessions:' .. proxyId, station) == 1
  if not deleted and (held[1] ~= epoch or held[2] ~= proxyId) then lost[#lost + 1] = epoch end
end
return lost
