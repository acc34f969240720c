#!lua flags=allow-oom
--- @include calls
-- ocpp-go interop: takes the frames that processors of ocpp-go wrote for stations, each only while its session is that
-- connection's. Calls that waited for the station are released with the first of them: no script of ours acknowledges its messages.
--
-- KEYS[1] process:{proxy id}  HASH, the registration
-- ARGV[1] prefix
-- ARGV[2] entries of one station at most
-- ARGV[3] ...                 per connection: station (escaped), epoch
-- Returns {epoch, entry, epoch, entry, ...}, oldest first; an entry '' says that the session's hash was deleted.
-- Returns {} without a living registration.
local taken = {}
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return taken end
local prefix, most = ARGV[1], ARGV[2]
for i = 3, #ARGV, 2 do
  local station, epoch = ARGV[i], ARGV[i + 1]
  local session = redis.call('HMGET', prefix .. ':session:' .. station, 'connection', 'held')
  local held = session[1]
  if held == epoch then
    local entries = redis.call('RPOP', prefix .. ':responses:' .. station, most) or {}
    if session[2] and #entries > 0 then Calls.release(prefix, station) end
    for _, entry in ipairs(entries) do
      taken[#taken + 1] = epoch
      taken[#taken + 1] = entry
    end
  elseif not held then
    taken[#taken + 1] = epoch
    taken[#taken + 1] = ''
  end
end
return taken
