#!lua
-- Makes a call to a station, or finds the one that was made under the same id.
--
-- KEYS: 1 call:{id}  2 calls:{station}  3 session:{station}  4 call-deadlines  5 call-order
-- ARGV: 1 prefix  2 id  3 station (escaped)  4 station (as it is)  5 action  6 frame  7 ttl in ms  8 timeout in ms
--       9 priority (0-9)  10 queueable ('1' or '0')  11 channel of the caller  12 longest queue
--       13 seconds to keep the outcome  14 hash of the seed's open calls or ''  15 its database  16 its least ttl in ms
--       17 our database
-- returns {state, reason, answer}, or {'conflict'} when the id stands for another frame
local prefix, id, station = ARGV[1], ARGV[2], ARGV[3]
local same = redis.sha1hex(ARGV[6])
local known = redis.call('HMGET', KEYS[1], 'same', 'state', 'reason', 'answer')
if known[1] then
  if known[1] ~= same then return { 'conflict' } end
  -- The one that asks last is told; whoever asked before reads the record now and then.
  redis.call('HSET', KEYS[1], 'caller', ARGV[11])
  return { known[2], known[3] or '', known[4] or '' }
end

local online = redis.call('HGET', KEYS[3], 'connection')
local full = redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[12])
local reason = full and 'queue-full' or not online and ARGV[10] ~= '1' and 'offline' or ''
local expires = string.format('%.0f', Calls.now() + ARGV[7])
local order = string.format('%.0f', (9 - ARGV[9]) * 1e13 + redis.call('INCR', KEYS[5]))
redis.call('HSET', KEYS[1], 'state', reason == '' and 'queued' or 'not-sent', 'reason', reason, 'answer', '',
  'station', station, 'name', ARGV[4], 'action', ARGV[5], 'same', same, 'connection', '', 'order', order,
  'expires', expires, 'timeout', ARGV[8], 'queueable', ARGV[10], 'caller', ARGV[11], 'keep', ARGV[13],
  'pending', ARGV[14], 'pendingDb', ARGV[15], 'pendingTtl', ARGV[16], 'db', ARGV[17])
if reason ~= '' then
  redis.call('EXPIRE', KEYS[1], ARGV[13])
  return { 'not-sent', reason, '' }
end
-- Should everybody be away when its time is up, it goes all the same, and the queue with it.
local atMost = ARGV[7] + ARGV[8] + ARGV[13] * 1000
redis.call('HSET', KEYS[1], 'text', ARGV[6])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', atMost))
redis.call('ZADD', KEYS[2], order, id)
if redis.call('PTTL', KEYS[2]) < atMost then redis.call('PEXPIRE', KEYS[2], string.format('%.0f', atMost)) end
redis.call('ZADD', KEYS[4], expires, id)
Calls.startNext(prefix, station)
return { redis.call('HGET', KEYS[1], 'state'), '', '' }
