#!lua flags=allow-oom
-- Which of a proxy's connections are not their stations' sessions any more.
--
-- KEYS: 1 requests (names the slot)
-- ARGV: 1 prefix  2 pid   then per connection: station (escaped), epoch
-- returns the epochs that were replaced or swept
local lost = {}
for i = 3, #ARGV, 2 do
  local held = redis.call('HMGET', ARGV[1] .. ':session:' .. ARGV[i], 'connection', 'ws_server_id')
  if held[1] ~= ARGV[i + 1] or held[2] ~= ARGV[2] then lost[#lost + 1] = ARGV[i + 1] end
end
return lost
