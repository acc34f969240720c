--- @include clock
--- @include correlation
-- Calls to stations, for the scripts that move them.
--
-- {prefix}:call:{message id}  HASH, one call:
--   state       queued, routed (on its way to the proxy), sent (a proxy has it to write), answered, not-sent, uncertain
--   station (escaped), name (as it is), action, text (the frame), same (digest of it)
--   connection  epoch it was routed to       order      its place in the queue
--   expires     ms: not sent if it is not sent by then   timeout   ms: uncertain if not answered within it
--   queueable   '1': waits for a station that is offline   keep  seconds that its outcome is kept
--   caller      channel that gets the id when the call ends   pending, pendingDb, pendingTtl   see correlation.lua, or ''
--   protocol    of the station, as the caller named it, or ''   made   ms: when it was made
--   reason, answer (JSON)   how it ended
--   announce    key of the caller, if an event is to say that it has ended; otherwise ''   events   length of their stream
-- {prefix}:calls:{station}    ZSET of the queued ones, next first
-- {prefix}:call-deadlines     ZSET id -> ms: when a call that has not ended must be looked at
-- {prefix}:session:{station}  field `call`: the one that is routed or sent on this connection
--                             field `held`: nothing is routed yet. '1': until a message of this connection is acknowledged (a station
--                             boots before it gets calls that waited for it); 'refused': until one is of an accepted station
-- {prefix}:held-calls         ZSET station -> ms: when it is held no longer, as no message came
local Calls = {}

-- Frees the station's slot, only if this call has it.
local function leaveSlot(prefix, station, id)
  local session = prefix .. ':session:' .. station
  if redis.call('HGET', session, 'call') == id then redis.call('HDEL', session, 'call') end
end

-- Adds the event that a call has ended, if its caller wants one. A call ends even if the stream cannot be written.
function Calls.announce(prefix, station, action, announce, events)
  if not announce or announce == '' then return end
  redis.pcall('XADD', prefix .. ':events', 'MAXLEN', '~', events, '*', 'type', 'command-ended', 'stationId', station,
    'command', announce, 'action', action)
end

-- Ends a call, once: of a call that has ended nothing changes.
function Calls.complete(prefix, id, state, reason, answer)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'station', 'caller', 'keep', 'pending', 'pendingDb', 'db', 'name', 'action',
    'announce', 'events')
  local station, caller, keepSeconds = held[1], held[2], held[3]
  redis.call('ZREM', prefix .. ':call-deadlines', id)
  if not station then return end
  redis.call('HSET', key, 'state', state, 'reason', reason, 'answer', answer)
  redis.call('HDEL', key, 'text')
  redis.call('EXPIRE', key, keepSeconds)
  redis.call('ZREM', prefix .. ':calls:' .. station, id)
  leaveSlot(prefix, station, id)
  Correlation.remove(prefix, id, held[4], held[5], held[6])
  redis.call('PUBLISH', caller, id)
  Calls.announce(prefix, held[7], held[8], held[9], held[10])
end

-- Holds the calls that waited for a station which connects now. @param most ms, if no message of it is acknowledged
function Calls.hold(prefix, station, most)
  if redis.call('EXISTS', prefix .. ':calls:' .. station) == 0 then return end
  redis.call('HSET', prefix .. ':session:' .. station, 'held', '1')
  redis.call('ZADD', prefix .. ':held-calls', string.format('%.0f', Clock.now() + most), station)
end

-- Routes the next call of a station that has a connection and no open call, unless they are held.
function Calls.startNext(prefix, station)
  local session, queue = prefix .. ':session:' .. station, prefix .. ':calls:' .. station
  local held = redis.call('HMGET', session, 'connection', 'ws_server_id', 'call', 'held')
  local epoch, proxyId, open = held[1], held[2], held[3]
  if not epoch or not proxyId or open or held[4] then return end
  while true do
    local id = redis.call('ZPOPMIN', queue)[1]
    if not id then return end
    local key = prefix .. ':call:' .. id
    if redis.call('HGET', key, 'state') == 'queued' then
      redis.call('HSET', key, 'state', 'routed', 'connection', epoch)
      redis.call('HSET', session, 'call', id)
      redis.call('LPUSH', prefix .. ':outbox:' .. proxyId, epoch .. ' 2 "' .. id .. '"\n')
      return
    end
  end
end

-- The station may get its calls.
function Calls.release(prefix, station)
  redis.call('ZREM', prefix .. ':held-calls', station)
  redis.call('HDEL', prefix .. ':session:' .. station, 'held')
  Calls.startNext(prefix, station)
end

-- The station is not accepted: its calls stay until a message is acknowledged by which it is, or their time is over.
function Calls.refuse(prefix, station)
  redis.call('ZREM', prefix .. ':held-calls', station)
  redis.call('HSET', prefix .. ':session:' .. station, 'held', 'refused')
end

-- Back to its place in the queue; it was not written.
local function requeue(prefix, id)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'station', 'order', 'expires', 'pending', 'pendingDb', 'db')
  local station, order, expires = held[1], held[2], held[3]
  redis.call('HSET', key, 'state', 'queued', 'connection', '')
  redis.call('ZADD', prefix .. ':calls:' .. station, order, id)
  redis.call('ZADD', prefix .. ':call-deadlines', expires, id)
  leaveSlot(prefix, station, id)
  Correlation.remove(prefix, id, held[4], held[5], held[6])
end

-- A session ends, and is deleted after this: a call that was sent is uncertain, one that was only routed waits for the next
-- connection.
function Calls.leaveConnection(prefix, station, epoch)
  local id = redis.call('HGET', prefix .. ':session:' .. station, 'call')
  if not id then return end
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection')
  local state = held[1]
  if held[2] ~= epoch then return end
  if state == 'sent' then Calls.complete(prefix, id, 'uncertain', 'disconnected', '')
  elseif state == 'routed' then requeue(prefix, id) end
end

-- The station is offline: the calls that do not wait for it end.
function Calls.dropImpatient(prefix, station)
  for _, id in ipairs(redis.call('ZRANGE', prefix .. ':calls:' .. station, 0, -1)) do
    if redis.call('HGET', prefix .. ':call:' .. id, 'queueable') ~= '1' then
      Calls.complete(prefix, id, 'not-sent', 'offline', '')
    end
  end
end

-- A proxy takes the call to write it: from here on it counts as sent. Returns its frame, or nil when it is not for this
-- connection (any more). @param now RFC 3339
function Calls.send(prefix, id, epoch, now)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'state', 'connection', 'text', 'timeout', 'name', 'action', 'pending', 'pendingDb',
    'pendingTtl', 'db')
  local state, text, timeout = held[1], held[3], held[4]
  if state ~= 'routed' or held[2] ~= epoch then return nil end
  redis.call('HSET', key, 'state', 'sent')
  redis.call('ZADD', prefix .. ':call-deadlines', string.format('%.0f', Clock.now() + timeout), id)
  Correlation.add(prefix, id, {
    timeout = timeout, name = held[5], action = held[6], pending = held[7], pendingDb = held[8], pendingTtl = held[9],
    db = held[10],
  }, now)
  return epoch .. ' 2 "' .. id .. '" ' .. timeout .. '\n' .. text
end

-- The proxy found no socket to write it to. Returns 1, or 0 when the call is not sent on this connection (any more).
function Calls.requeueUnwritten(prefix, id, epoch)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection')
  if held[1] ~= 'sent' or held[2] ~= epoch then return 0 end
  requeue(prefix, id)
  return 1
end

-- The station answered on this connection; '' is a malformed answer. Returns false when it is too late, or a second one; true
-- also for a response to an unknown call.
function Calls.answer(prefix, station, id, epoch, answer)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection', 'station')
  local state = held[1]
  if not state then return true end
  if state ~= 'sent' or held[2] ~= epoch or held[3] ~= station then return false end
  if answer == '' then Calls.complete(prefix, id, 'uncertain', 'malformed', '')
  else Calls.complete(prefix, id, 'answered', '', answer) end
  Calls.startNext(prefix, station)
  return true
end

-- The time to live of a call is over, or the time-out of one that was sent.
function Calls.expire(prefix, id)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'station')
  local state, station = held[1], held[2]
  if state == 'sent' then Calls.complete(prefix, id, 'uncertain', 'timeout', '')
  else Calls.complete(prefix, id, 'not-sent', 'expired', '') end
  if station then Calls.startNext(prefix, station) end
end

