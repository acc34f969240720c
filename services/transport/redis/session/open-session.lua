#!lua
--- @include calls
--- @include rollout
-- Gives a station's session to a connection. The epoch was drawn before, outside of this script, so that the script may be
-- sent twice.
--
-- KEYS[1] process:{proxy id}    HASH, the registration
-- KEYS[2] session:{station}     HASH
-- KEYS[3] last-epoch:{station}  STRING
-- KEYS[4] active                SET of station ids
-- KEYS[5] sessions:{proxy id}   SET of stations (escaped)
-- KEYS[6] rollout               HASH, counts of the last rollout
-- KEYS[7] rollout-away          ZSET station (escaped) -> when it was moved, ms
-- KEYS[8] known-stations        ZSET of station ids, all scores 0
-- KEYS[9] disconnected          HASH station id -> RFC 3339
-- KEYS[10] events               STREAM
-- ARGV[1] prefix
-- ARGV[2] proxy id
-- ARGV[3] station (escaped)
-- ARGV[4] station (as it is)
-- ARGV[5] epoch
-- ARGV[6] time (RFC 3339)
-- ARGV[7] remote address
-- ARGV[8] protocol
-- ARGV[9] metadata (JSON)
-- ARGV[10] event that announces this connection (JSON)
-- ARGV[11] seconds to keep the counts of a rollout
-- ARGV[12] most known stations
-- ARGV[13] ms that calls which waited for the station are held at most, until a message of this connection is acknowledged
-- ARGV[14] events that are kept
-- ARGV[15] type of the event of a connection
-- ARGV[16] type of the event of its end
-- Returns {1}; {1, ms since its close} for a station that was moved; {0} when the proxy has no living registration; {-1} when a
--   younger connection was first.
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return { 0 } end
local prefix, proxyId, station, stationId, epoch, now = unpack(ARGV, 1, 6)
local held = redis.call('HMGET', KEYS[2], 'connection', 'ws_server_id', 'remote_addr')
local heldEpoch, heldProxy, heldAddress = held[1], held[2], held[3]
if heldEpoch == epoch and heldProxy == proxyId then return { 1 } end
local last = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), tonumber(heldEpoch or 0))
if tonumber(epoch) <= last then return { -1 } end

if heldProxy then
  -- The connection that is replaced ends here, before the new one begins, and its proxy gets the order to close it.
  local ended = {
    event = 'disconnect', charge_point_id = stationId, ws_server_id = heldProxy,
    timestamp = now, remote_addr = heldAddress or '', connection = tonumber(heldEpoch),
  }
  redis.call('PUBLISH', prefix .. ':control:disconnect', cjson.encode(ended))
  redis.call('XADD', KEYS[10], 'MAXLEN', '~', ARGV[14], '*', 'type', ARGV[16], 'stationId', stationId, 'reason', 'replaced')
  redis.call('SREM', prefix .. ':sessions:' .. heldProxy, station)
  if heldEpoch then Calls.leaveConnection(prefix, station, heldEpoch) end
  if heldEpoch and redis.call('EXISTS', prefix .. ':process:' .. heldProxy) == 1 then
    redis.call('LPUSH', prefix .. ':outbox:' .. heldProxy, heldEpoch .. ' 0 ""\n')
  end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'charge_point_id', stationId, 'remote_addr', ARGV[7], 'ws_server_id', proxyId,
  'connected_at', now, 'last_activity', now, 'metadata', ARGV[9],
  'connection', epoch, 'protocol', ARGV[8], 'sequence', '0', 'answer', '')
redis.call('SET', KEYS[3], epoch)
redis.call('SADD', KEYS[4], stationId)
redis.call('SADD', KEYS[5], station)
if redis.call('ZCARD', KEYS[8]) < tonumber(ARGV[12]) then redis.call('ZADD', KEYS[8], 0, stationId) end
redis.call('HDEL', KEYS[9], stationId)
redis.call('PUBLISH', prefix .. ':control:connect', ARGV[10])
redis.call('XADD', KEYS[10], 'MAXLEN', '~', ARGV[14], '*', 'type', ARGV[15], 'stationId', stationId,
  'protocol', ARGV[8], 'remoteAddress', ARGV[7])
Calls.hold(prefix, station, ARGV[13])
local movedAt = redis.call('ZSCORE', KEYS[7], station)
if not movedAt then return { 1 } end
return { 1, Rollout.returned(KEYS[6], KEYS[7], station, movedAt, ARGV[11]) }
