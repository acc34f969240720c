-- Texts of stations that could not be understood, for the scripts that keep them (scripts.ts puts this text before theirs).
--
-- {prefix}:unreadable  STREAM, bounded in number and bytes: the id tells when a text was kept; fields
--   station (as it is), protocol, connection (epoch; 0 where it is not known), reason (one line), text
-- {prefix}:unreadable-quota:{station}  how many texts of the station were kept within its time; expires with it
local Unreadable = {}

-- The same numbers as in transport.ts.
local UNREADABLE_QUOTA, UNREADABLE_QUOTA_SECONDS, UNREADABLE_KEPT = 20, 3600, 10000
local UNREADABLE_BYTES = 64 * 1024 * 1024

-- Keeps a text within the quota of its station; the oldest texts give way. `station` is escaped, `name` as it is.
-- Returns 1, or 0 when the station has used its quota.
function Unreadable.keep(prefix, station, name, protocol, connection, reason, text)
  local quota, key = prefix .. ':unreadable-quota:' .. station, prefix .. ':unreadable'
  local count = redis.call('INCR', quota)
  if count == 1 then redis.call('EXPIRE', quota, UNREADABLE_QUOTA_SECONDS) end
  if count > UNREADABLE_QUOTA then return 0 end
  local line = string.gsub(reason, '%c+', ' ')
  redis.call('XADD', key, 'MAXLEN', UNREADABLE_KEPT, '*', 'station', name, 'protocol', protocol,
    'connection', connection, 'reason', line, 'text', text)
  local bytes = redis.pcall('MEMORY', 'USAGE', key)
  if type(bytes) == 'number' and bytes > UNREADABLE_BYTES then
    redis.call('XTRIM', key, 'MAXLEN', math.floor(redis.call('XLEN', key) * 0.9))
  end
  return 1
end
