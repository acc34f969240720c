-- Unreadable texts of stations, for the scripts that keep them.
--
-- {prefix}:unreadable  STREAM: the id tells when a text was kept; fields
--   station (as it is), protocol, connection (epoch; 0 where it is not known), reason (one line), text
-- {prefix}:unreadable-quota:{station}  how many texts of the station were kept within its time; expires with it
local Unreadable = {}

-- The same numbers as in unreadable.ts of the transport.
local UNREADABLE_QUOTA, UNREADABLE_QUOTA_SECONDS, UNREADABLE_KEPT = 20, 3600, 10000
-- Bytes of a text and of a reason: with a name of 255 characters, as many as are kept stay below 64 MiB. MEMORY USAGE
-- reads the first few entries only, and reading all of them would cost too much.
local TEXT_BYTES, REASON_BYTES = 4096, 255

-- Keeps a text within the quota of its station; the oldest texts are dropped. `station` is escaped, `name` as it is.
-- Returns 1, or 0 when the station has used its quota.
function Unreadable.keep(prefix, station, name, protocol, epoch, reason, text)
  local quota = prefix .. ':unreadable-quota:' .. station
  local count = redis.call('INCR', quota)
  if count == 1 then redis.call('EXPIRE', quota, UNREADABLE_QUOTA_SECONDS) end
  if count > UNREADABLE_QUOTA then return 0 end
  local line = string.sub(string.gsub(reason, '%c+', ' '), 1, REASON_BYTES)
  redis.call('XADD', prefix .. ':unreadable', 'MAXLEN', UNREADABLE_KEPT, '*', 'station', name, 'protocol', protocol,
    'connection', epoch, 'reason', line, 'text', string.sub(text, 1, TEXT_BYTES))
  return 1
end
