#!lua flags=allow-oom
-- Fork interop: takes what a processor of the fork wrote for stations, each only while its session is that connection's.
--
-- KEYS: 1 process:{pid}
-- ARGV: 1 prefix   2 entries at most for one station; 0 to drop what is there   then per connection: station (escaped), epoch
-- returns {epoch, entry, epoch, entry, ...}, oldest first; an entry '' says that the session's hash was wiped
local taken = {}
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return taken end
for i = 3, #ARGV, 2 do
  local station, epoch = ARGV[i], ARGV[i + 1]
  local held = redis.call('HGET', ARGV[1] .. ':session:' .. station, 'connection')
  local list = ARGV[1] .. ':responses:' .. station
  if held == epoch and ARGV[2] == '0' then
    redis.call('DEL', list)
  elseif held == epoch then
    for _, entry in ipairs(redis.call('RPOP', list, ARGV[2]) or {}) do
      taken[#taken + 1] = epoch
      taken[#taken + 1] = entry
    end
  elseif not held then
    taken[#taken + 1] = epoch
    taken[#taken + 1] = ''
  end
end
return taken
