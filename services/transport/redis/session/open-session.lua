#!lua
-- Gives a station's session to a connection. The epoch was drawn before, outside of this script, so that the
-- script may be sent twice.
--
-- KEYS: 1 process:{pid}  2 session:{id}  3 last-epoch:{id}  4 active  5 sessions:{pid}
-- ARGV: 1 prefix  2 pid  3 station (escaped)  4 station (as it is)  5 epoch  6 time (RFC 3339)
--       7 remote address  8 protocol  9 metadata (JSON)
--       10 event that announces this connection (JSON)
-- returns 1; 0 when the process has no living registration; -1 when a younger connection was first
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
local epoch = tonumber(ARGV[5])
local held = redis.call('HMGET', KEYS[2], 'connection', 'ws_server_id', 'remote_addr')
if held[1] == ARGV[5] and held[2] == ARGV[2] then return 1 end
local last = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), tonumber(held[1] or 0))
if epoch <= last then return -1 end

if held[2] then
  -- The one that is replaced ends here, before the new one begins, and its proxy is told to close.
  local ended = {
    event = 'disconnect', charge_point_id = ARGV[4], ws_server_id = held[2],
    timestamp = ARGV[6], remote_addr = held[3] or '', connection = tonumber(held[1]),
  }
  redis.call('PUBLISH', ARGV[1] .. ':control:disconnect', cjson.encode(ended))
  redis.call('SREM', ARGV[1] .. ':sessions:' .. held[2], ARGV[3])
  if held[1] then Calls.leaveConnection(ARGV[1], ARGV[3], held[1]) end
  if held[1] and redis.call('EXISTS', ARGV[1] .. ':process:' .. held[2]) == 1 then
    redis.call('LPUSH', ARGV[1] .. ':outbox:' .. held[2], held[1] .. ' 0 ""\n')
  end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'charge_point_id', ARGV[4], 'remote_addr', ARGV[7], 'ws_server_id', ARGV[2],
  'connected_at', ARGV[6], 'last_activity', ARGV[6], 'metadata', ARGV[9],
  'connection', ARGV[5], 'protocol', ARGV[8], 'sequence', '0', 'answer', '')
redis.call('SET', KEYS[3], ARGV[5])
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('SADD', KEYS[5], ARGV[3])
redis.call('PUBLISH', ARGV[1] .. ':control:connect', ARGV[10])
Calls.startNext(ARGV[1], ARGV[3])
return 1
