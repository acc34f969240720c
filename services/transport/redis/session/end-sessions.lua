#!lua flags=allow-oom
-- Ends the sessions of connections, each only if it is still that connection's: a late disconnect of a
-- connection that was replaced changes nothing and tells nobody.
--
-- KEYS: 1 active   2 sessions:{pid}
-- ARGV: 1 prefix  2 pid  3 time (RFC 3339)  4 seconds to remember the last epoch
--       then per connection: station (escaped), epoch ('' for whichever names this process)
-- returns how many sessions it ended
local ended = 0
for i = 5, #ARGV, 2 do
  local session = ARGV[1] .. ':session:' .. ARGV[i]
  local held = redis.call('HMGET', session, 'connection', 'ws_server_id', 'remote_addr', 'charge_point_id')
  if held[2] == ARGV[2] and (ARGV[i + 1] == '' or held[1] == ARGV[i + 1]) then
    if held[1] then Calls.leaveConnection(ARGV[1], ARGV[i], held[1]) end
    redis.call('DEL', session)
    Calls.dropImpatient(ARGV[1], ARGV[i])
    redis.call('SREM', KEYS[1], held[4])
    redis.call('EXPIRE', ARGV[1] .. ':last-epoch:' .. ARGV[i], ARGV[4])
    local event = {
      event = 'disconnect', charge_point_id = held[4], ws_server_id = held[2],
      timestamp = ARGV[3], remote_addr = held[3] or '', connection = tonumber(held[1]),
    }
    redis.call('PUBLISH', ARGV[1] .. ':control:disconnect', cjson.encode(event))
    ended = ended + 1
    redis.call('SREM', KEYS[2], ARGV[i])
  elseif held[2] ~= ARGV[2] then
    redis.call('SREM', KEYS[2], ARGV[i])
  end
end
return ended
