#!lua flags=allow-oom
--- @include calls
-- Ends the sessions of connections, each only if it is still that connection's: a late disconnect of a connection that was
-- replaced changes nothing and publishes nothing.
--
-- KEYS[1] active               SET of station ids
-- KEYS[2] sessions:{proxy id}  SET of stations (escaped)
-- KEYS[3] known-stations       ZSET of station ids
-- KEYS[4] disconnected         HASH station id -> RFC 3339
-- KEYS[5] events               STREAM
-- ARGV[1] prefix
-- ARGV[2] proxy id
-- ARGV[3] time (RFC 3339)
-- ARGV[4] seconds to remember the last epoch
-- ARGV[5] events that are kept
-- ARGV[6] type of the event
-- ARGV[7] ...                  per connection: station (escaped), epoch ('' for any of this proxy)
-- Returns how many sessions it ended.
local prefix, proxyId, now, rememberSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ended = 0
for i = 7, #ARGV, 2 do
  local station, epoch = ARGV[i], ARGV[i + 1]
  local session = prefix .. ':session:' .. station
  local held = redis.call('HMGET', session, 'connection', 'ws_server_id', 'remote_addr', 'charge_point_id')
  local heldEpoch, heldProxy, remoteAddress, stationId = held[1], held[2], held[3], held[4]
  if heldProxy == proxyId and (epoch == '' or heldEpoch == epoch) then
    if heldEpoch then Calls.leaveConnection(prefix, station, heldEpoch) end
    redis.call('ZREM', prefix .. ':held-calls', station)
    redis.call('DEL', session)
    Calls.dropImpatient(prefix, station)
    redis.call('SREM', KEYS[1], stationId)
    if redis.call('ZSCORE', KEYS[3], stationId) then redis.call('HSET', KEYS[4], stationId, now) end
    redis.call('EXPIRE', prefix .. ':last-epoch:' .. station, rememberSeconds)
    local event = {
      event = 'disconnect', charge_point_id = stationId, ws_server_id = heldProxy,
      timestamp = now, remote_addr = remoteAddress or '', connection = tonumber(heldEpoch),
    }
    redis.call('PUBLISH', prefix .. ':control:disconnect', cjson.encode(event))
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', 'type', ARGV[6], 'stationId', stationId, 'reason', 'closed')
    ended = ended + 1
    redis.call('SREM', KEYS[2], station)
  elseif heldProxy ~= proxyId then
    redis.call('SREM', KEYS[2], station)
  end
end
return ended
