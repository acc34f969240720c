#!lua flags=allow-oom
-- Which of a proxy's connections are not their stations' sessions any more.
--
-- KEYS: 1 requests (names the slot)
-- ARGV: 1 prefix  2 pid  3 'fork': processors of the fork may have wiped a session, which heal-session.lua mends
--       then per connection: station (escaped), epoch
-- returns the epochs that were replaced or swept
local lost = {}
for i = 4, #ARGV, 2 do
  local station, epoch = ARGV[i], ARGV[i + 1]
  local held = redis.call('HMGET', ARGV[1] .. ':session:' .. station, 'connection', 'ws_server_id')
  local wiped = ARGV[3] == 'fork' and not held[1]
    and redis.call('SISMEMBER', ARGV[1] .. ':sessions:' .. ARGV[2], station) == 1
  if not wiped and (held[1] ~= epoch or held[2] ~= ARGV[2]) then lost[#lost + 1] = epoch end
end
return lost
