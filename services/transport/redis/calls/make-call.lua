#!lua
--- @include calls
--- @include clock
-- Makes a call to a station, or finds the one that was made under the same id.
--
-- KEYS[1] call:{id}          HASH
-- KEYS[2] calls:{station}    ZSET
-- KEYS[3] session:{station}  HASH
-- KEYS[4] call-deadlines     ZSET
-- KEYS[5] call-order         counter
-- ARGV[1] prefix
-- ARGV[2] id
-- ARGV[3] station (escaped)
-- ARGV[4] station (as it is)
-- ARGV[5] action
-- ARGV[6] frame
-- ARGV[7] time to live in ms
-- ARGV[8] timeout in ms
-- ARGV[9] priority (0-9)
-- ARGV[10] queueable ('1' or '0')
-- ARGV[11] channel of the caller
-- ARGV[12] longest queue
-- ARGV[13] seconds to keep the outcome
-- ARGV[14] pending hash of ocpp-go, or ''
-- ARGV[15] its database
-- ARGV[16] its shortest time to live in ms
-- ARGV[17] our database
-- ARGV[18] protocol, or ''
-- ARGV[19] key of the caller, if an event is to say that the call has ended; otherwise ''
-- ARGV[20] length of the stream of events
-- Returns {state, reason, answer}, or {'conflict'} when the id belongs to another frame.
local prefix, id, station, stationId, action, frame = unpack(ARGV, 1, 6)
local ttl, timeout, priority, queueable, caller = unpack(ARGV, 7, 11)
local longestQueue, keepSeconds = tonumber(ARGV[12]), ARGV[13]
local same = redis.sha1hex(frame)
local known = redis.call('HMGET', KEYS[1], 'same', 'state', 'reason', 'answer')
if known[1] then
  if known[1] ~= same then return { 'conflict' } end
  -- The last caller is notified; earlier ones read the record now and then.
  redis.call('HSET', KEYS[1], 'caller', caller)
  return { known[2], known[3] or '', known[4] or '' }
end

local online = redis.call('HGET', KEYS[3], 'connection')
local full = redis.call('ZCARD', KEYS[2]) >= longestQueue
local reason = full and 'queue-full' or not online and queueable ~= '1' and 'offline' or ''
local made = Clock.now()
local expires = string.format('%.0f', made + ttl)
local order = string.format('%.0f', (9 - priority) * 1e13 + redis.call('INCR', KEYS[5]))
redis.call('HSET', KEYS[1], 'state', reason == '' and 'queued' or 'not-sent', 'reason', reason, 'answer', '',
  'station', station, 'name', stationId, 'action', action, 'same', same, 'connection', '', 'order', order,
  'expires', expires, 'timeout', timeout, 'queueable', queueable, 'caller', caller, 'keep', keepSeconds,
  'pending', ARGV[14], 'pendingDb', ARGV[15], 'pendingTtl', ARGV[16], 'db', ARGV[17],
  'protocol', ARGV[18], 'made', string.format('%.0f', made), 'announce', ARGV[19], 'events', ARGV[20])
if reason ~= '' then
  redis.call('EXPIRE', KEYS[1], keepSeconds)
  Calls.announce(prefix, stationId, action, ARGV[19], ARGV[20])
  return { 'not-sent', reason, '' }
end
-- If no process is there when its time is over, the record expires all the same, and the queue with it.
local atMost = ttl + timeout + keepSeconds * 1000
redis.call('HSET', KEYS[1], 'text', frame)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', atMost))
redis.call('ZADD', KEYS[2], order, id)
if redis.call('PTTL', KEYS[2]) < atMost then redis.call('PEXPIRE', KEYS[2], string.format('%.0f', atMost)) end
redis.call('ZADD', KEYS[4], expires, id)
Calls.startNext(prefix, station)
return { redis.call('HGET', KEYS[1], 'state'), '', '' }
