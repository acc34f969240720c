-- Writes of stored state, for the scripts that apply outcomes (scripts.ts puts this text before theirs).
--
-- A list of writes is: op, key, bound, count of strings, strings ...
--  set: bound is the expiry in seconds or '' ; set-newer: the same, left out when the stored value of its first field is
--  greater ; delete ; append: bound is the stream's length ; add: bound is the score, the string the member ;
--  remove: the string is the member ; forget: key is that of a business key ; unreadable: bound is the quota of the
--  station, key its escaped name, the strings are seconds, entries kept, station, protocol, connection, reason, text
local Writes = {}

-- Strings in one write: unpack() fails at about 8000.
local MAX_STRINGS = 4000
local TYPES = { set = 'hash', ['set-newer'] = 'hash', append = 'stream', add = 'zset', remove = 'zset' }

-- Why the writes from argument `first` to `last` cannot be applied, or nil.
function Writes.faultOf(first, last)
  local i = first
  while i <= last do
    local op, key, bound, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
    if count > MAX_STRINGS then return 'too many fields for ' .. key end
    if op == 'append' and count == 0 then return 'no fields for ' .. key end
    if bound ~= '' and not string.match(bound, '^%d+$') then return bound .. ' is no whole number, for ' .. key end
    local wanted = TYPES[op]
    local is = wanted and redis.call('TYPE', key).ok
    if wanted and is ~= 'none' and is ~= wanted then return key .. ' is a ' .. is .. ', not a ' .. wanted end
    i = i + 4 + count
  end
  return nil
end

function Writes.apply(prefix, first, last)
  local i = first
  while i <= last do
    local op, key, bound, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
    local from, to = i + 4, i + 3 + count
    if op == 'set-newer' and (redis.call('HGET', key, ARGV[from]) or '') > ARGV[from + 1] then
      -- A younger one was handled before.
    elseif op == 'set' or op == 'set-newer' then
      if count > 0 then redis.call('HSET', key, unpack(ARGV, from, to)) end
      if bound ~= '' then redis.call('EXPIRE', key, bound) end
    elseif op == 'append' then
      redis.call('XADD', key, 'MAXLEN', '~', bound, '*', unpack(ARGV, from, to))
    elseif op == 'add' then
      redis.call('ZADD', key, bound, ARGV[from])
    elseif op == 'remove' then
      redis.call('ZREM', key, ARGV[from])
    elseif op == 'unreadable' then
      Unreadable.keep(prefix, key, ARGV[from + 2], ARGV[from + 3], ARGV[from + 4], ARGV[from + 5], ARGV[from + 6],
        bound, ARGV[from], ARGV[from + 1])
    else
      redis.call('DEL', key)
    end
    i = to + 1
  end
end
