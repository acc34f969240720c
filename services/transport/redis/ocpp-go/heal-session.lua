#!lua flags=allow-oom
-- Fork interop: a processor of the fork deletes a station's session at any disconnect event, also when the station is
-- back by then. Writes the session again, if the connection is the station's youngest and never ended.
--
-- KEYS: 1 process:{pid}  2 session:{id}  3 last-epoch:{id}  4 active  5 sessions:{pid}
-- ARGV: 1 pid  2 station (escaped)  3 station (as it is)  4 epoch  5 time of the connect (RFC 3339)
--       6 remote address  7 protocol  8 metadata (JSON)  9 number of the last CALL that is settled
-- returns 1, or 0 when there is nothing to heal
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
if redis.call('HGET', KEYS[2], 'connection') then return 0 end
if redis.call('GET', KEYS[3]) ~= ARGV[4] or redis.call('SISMEMBER', KEYS[5], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'charge_point_id', ARGV[3], 'remote_addr', ARGV[6], 'ws_server_id', ARGV[1],
  'connected_at', ARGV[5], 'last_activity', ARGV[5], 'metadata', ARGV[8],
  'connection', ARGV[4], 'protocol', ARGV[7], 'sequence', ARGV[9], 'answer', '')
redis.call('SADD', KEYS[4], ARGV[3])
return 1
