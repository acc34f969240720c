--- @include add-unreadable
-- Writes of stored state, for the scripts that apply outcomes.
--
-- A write is: op, key, bound, number of strings, strings ...
--   set           sets fields of a record; bound: expiry in seconds, or ''; strings: names and values by turns
--   set-newer     the same; skipped when the stored value of its first field is greater
--   set-existing  the same; skipped when there is no such record
--   unset         removes fields of a record; strings: names
--   delete        deletes a record or a sorted set
--   append        adds to a stream; bound: its length, or '' for none; strings: names and values by turns
--   append-below  like append, but a stream longer than the first string is not trimmed; bound: its length
--   add           adds to a sorted set; bound: the score; string: the member
--   remove        removes from a sorted set; string: the member
--   forget        deletes a business key
--   unreadable    keeps an unreadable text; key: escaped name of the quota; strings: station, protocol, epoch, reason, text
local Writes = {}

-- Strings in one write: unpack() fails at about 8000.
local MAX_STRINGS = 4000
local TYPES = { set = 'hash', ['set-newer'] = 'hash', ['set-existing'] = 'hash', unset = 'hash', append = 'stream', ['append-below'] = 'stream', add = 'zset', remove = 'zset' }

local function mismatch(key, wanted)
  local is = redis.call('TYPE', key).ok
  if is ~= 'none' and is ~= wanted then return key .. ' is a ' .. is .. ', not a ' .. wanted end
  return nil
end

-- The reason why the writes in arguments `first` to `last` cannot be applied, or nil. `record` is a key that holds one for sure, or
-- false.
function Writes.faultOf(prefix, first, last, record)
  local i = first
  while i <= last do
    local op, key, bound, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
    if count > MAX_STRINGS then return 'too many fields for ' .. key end
    if op == 'append' and count == 0 then return 'no fields for ' .. key end
    if bound ~= '' and not string.match(bound, '^%d+$') then return bound .. ' is no whole number, for ' .. key end
    local fault = op == 'unreadable' and (mismatch(prefix .. ':unreadable', 'stream')
      or mismatch(prefix .. ':unreadable-quota:' .. key, 'string'))
      or TYPES[op] and not (key == record and TYPES[op] == 'hash') and mismatch(key, TYPES[op])
    if fault then return fault end
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
      -- A newer one was handled first.
    elseif op == 'set-existing' and redis.call('EXISTS', key) == 0 then
      -- It has expired since it was read.
    elseif op == 'unset' then
      if count > 0 then redis.call('HDEL', key, unpack(ARGV, from, to)) end
    elseif TYPES[op] == 'hash' then
      if count > 0 then redis.call('HSET', key, unpack(ARGV, from, to)) end
      if bound ~= '' then redis.call('EXPIRE', key, bound) end
    elseif op == 'append' and bound == '' then
      redis.call('XADD', key, '*', unpack(ARGV, from, to))
    elseif op == 'append-below' and redis.call('XLEN', key) > tonumber(ARGV[from]) then
      redis.call('XADD', key, '*', unpack(ARGV, from + 1, to))
    elseif op == 'append-below' then
      redis.call('XADD', key, 'MAXLEN', '~', bound, '*', unpack(ARGV, from + 1, to))
    elseif op == 'append' then
      redis.call('XADD', key, 'MAXLEN', '~', bound, '*', unpack(ARGV, from, to))
    elseif op == 'add' then
      redis.call('ZADD', key, bound, ARGV[from])
    elseif op == 'remove' then
      redis.call('ZREM', key, ARGV[from])
    elseif op == 'unreadable' then
      Unreadable.keep(prefix, key, ARGV[from], ARGV[from + 1], ARGV[from + 2], ARGV[from + 3], ARGV[from + 4])
    else
      redis.call('DEL', key)
    end
    i = to + 1
  end
end
