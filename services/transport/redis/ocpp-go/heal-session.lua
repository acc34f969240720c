#!lua flags=allow-oom
-- ocpp-go interop: a processor of ocpp-go deletes a station's session at any disconnect event, even when the station has
-- reconnected by then. Writes the session again, if the connection is the station's youngest and never ended.
--
-- KEYS[1] process:{proxy id}    HASH, the registration
-- KEYS[2] session:{station}     HASH
-- KEYS[3] last-epoch:{station}  STRING
-- KEYS[4] active                SET of station ids
-- KEYS[5] sessions:{proxy id}   SET of stations (escaped)
-- ARGV[1] proxy id
-- ARGV[2] station (escaped)
-- ARGV[3] station (as it is)
-- ARGV[4] epoch
-- ARGV[5] time of the connect (RFC 3339)
-- ARGV[6] remote address
-- ARGV[7] protocol
-- ARGV[8] metadata (JSON)
-- ARGV[9] number of the last CALL that is not open any more
-- Returns 1, or 0 when there is nothing to heal.
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
if redis.call('HGET', KEYS[2], 'connection') then return 0 end
if redis.call('GET', KEYS[3]) ~= ARGV[4] or redis.call('SISMEMBER', KEYS[5], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'charge_point_id', ARGV[3], 'remote_addr', ARGV[6], 'ws_server_id', ARGV[1],
  'connected_at', ARGV[5], 'last_activity', ARGV[5], 'metadata', ARGV[8],
  'connection', ARGV[4], 'protocol', ARGV[7], 'sequence', ARGV[9], 'answer', '')
redis.call('SADD', KEYS[4], ARGV[3])
return 1
