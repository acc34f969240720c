-- CALLs of the CSMS, for the scripts that move them (scripts.ts puts this text before theirs).
--
-- {prefix}:call:{message id}  HASH, one call:
--   state       queued, routed (on its way to the proxy), sent (a proxy has it to write), answered, not-sent, uncertain
--   station (escaped), name (as it is), action, text (the frame), same (digest of it)
--   connection  epoch it was routed to       order      its place in the queue
--   expires     ms: not sent if it is not sent by then   timeout   ms: uncertain if not answered so long after
--   queueable   '1': waits for a station that is offline   keep  seconds that its outcome is kept
--   caller      channel that is told of the end   pending, pendingDb, pendingTtl   the seed's state of open calls, or ''
--   reason, answer (JSON)   how it ended
-- {prefix}:calls:{station}    ZSET of the queued ones, next first
-- {prefix}:call-deadlines     ZSET id -> ms: when a call that has not ended must be looked at
-- {prefix}:session:{station}  field `call`: the one that is routed or sent on this connection
local Calls = {}

function Calls.now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The seed's own notes of an open call: correlation, and with UseDistributedState its pending hash.
local function noteOpen(prefix, id, call, now)
  local json = string.format(
    '{"message_id":"%s","charge_point_id":%s,"request_time":"%s","timeout":%.0f}',
    id, cjson.encode(call.name), now, call.timeout * 1e6)
  redis.call('SET', prefix .. ':correlation:' .. id, json, 'PX', call.timeout)
  if call.pending == '' then return end
  redis.call('SELECT', call.pendingDb)
  redis.call('HSET', call.pending, id, '{"featureName":' .. cjson.encode(call.action) .. '}')
  redis.call('PEXPIRE', call.pending, string.format('%.0f', math.max(tonumber(call.pendingTtl), tonumber(call.timeout))))
  redis.call('SELECT', call.db)
end

local function forgetOpen(prefix, id, pending, pendingDb, db)
  redis.call('DEL', prefix .. ':correlation:' .. id)
  if not pending or pending == '' then return end
  redis.call('SELECT', pendingDb)
  redis.call('HDEL', pending, id)
  redis.call('SELECT', db)
end

-- Frees the station's slot, only if this call has it.
local function leaveSlot(prefix, station, id)
  local session = prefix .. ':session:' .. station
  if redis.call('HGET', session, 'call') == id then redis.call('HDEL', session, 'call') end
end

-- Ends a call, once: whoever finds it ended leaves it.
function Calls.finish(prefix, id, state, reason, answer)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'station', 'caller', 'keep', 'pending', 'pendingDb', 'db')
  redis.call('ZREM', prefix .. ':call-deadlines', id)
  if not held[1] then return end
  redis.call('HSET', key, 'state', state, 'reason', reason, 'answer', answer)
  redis.call('HDEL', key, 'text')
  redis.call('EXPIRE', key, held[3])
  redis.call('ZREM', prefix .. ':calls:' .. held[1], id)
  leaveSlot(prefix, held[1], id)
  forgetOpen(prefix, id, held[4], held[5], held[6])
  redis.call('PUBLISH', held[2], id)
end

-- Routes the next call of a station that has a connection and none open.
function Calls.startNext(prefix, station)
  local session, queue = prefix .. ':session:' .. station, prefix .. ':calls:' .. station
  local held = redis.call('HMGET', session, 'connection', 'ws_server_id', 'call')
  if not held[1] or not held[2] or held[3] then return end
  while true do
    local id = redis.call('ZPOPMIN', queue)[1]
    if not id then return end
    local key = prefix .. ':call:' .. id
    if redis.call('HGET', key, 'state') == 'queued' then
      redis.call('HSET', key, 'state', 'routed', 'connection', held[1])
      redis.call('HSET', session, 'call', id)
      redis.call('LPUSH', prefix .. ':outbox:' .. held[2], held[1] .. ' 2 "' .. id .. '"\n')
      return
    end
  end
end

-- Back to its place in the queue; it was not written.
local function requeue(prefix, id)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'station', 'order', 'expires', 'pending', 'pendingDb', 'db')
  redis.call('HSET', key, 'state', 'queued', 'connection', '')
  redis.call('ZADD', prefix .. ':calls:' .. held[1], held[2], id)
  redis.call('ZADD', prefix .. ':call-deadlines', held[3], id)
  leaveSlot(prefix, held[1], id)
  forgetOpen(prefix, id, held[4], held[5], held[6])
end

-- What a connection leaves behind when its session ends: what was sent is uncertain, what was not waits for the
-- next one. Before the session is deleted.
function Calls.leaveConnection(prefix, station, epoch)
  local id = redis.call('HGET', prefix .. ':session:' .. station, 'call')
  if not id then return end
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection')
  if held[2] ~= epoch then return end
  if held[1] == 'sent' then Calls.finish(prefix, id, 'uncertain', 'disconnected', '')
  elseif held[1] == 'routed' then requeue(prefix, id) end
end

-- The station is offline: the calls that do not wait for it end.
function Calls.dropImpatient(prefix, station)
  for _, id in ipairs(redis.call('ZRANGE', prefix .. ':calls:' .. station, 0, -1)) do
    if redis.call('HGET', prefix .. ':call:' .. id, 'queueable') ~= '1' then
      Calls.finish(prefix, id, 'not-sent', 'offline', '')
    end
  end
end

-- A proxy takes the call to write it: from here on it counts as sent. Returns its frame, or nil when it is not for
-- this connection (any more).
function Calls.send(prefix, id, epoch, now)
  local key = prefix .. ':call:' .. id
  local held = redis.call('HMGET', key, 'state', 'connection', 'text', 'timeout', 'name', 'action', 'pending', 'pendingDb',
    'pendingTtl', 'db')
  if held[1] ~= 'routed' or held[2] ~= epoch then return nil end
  redis.call('HSET', key, 'state', 'sent')
  redis.call('ZADD', prefix .. ':call-deadlines', string.format('%.0f', Calls.now() + held[4]), id)
  noteOpen(prefix, id, {
    timeout = held[4], name = held[5], action = held[6], pending = held[7], pendingDb = held[8], pendingTtl = held[9],
    db = held[10],
  }, now)
  return epoch .. ' 2 "' .. id .. '" ' .. held[4] .. '\n' .. held[3]
end

-- The proxy found no socket to write it to.
function Calls.handBack(prefix, id, epoch)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection')
  if held[1] == 'sent' and held[2] == epoch then requeue(prefix, id) end
end

-- The station answered on this connection; '' is an answer that says nothing. Returns false when it comes too late, or a
-- second time; true also for an answer to no call of ours.
function Calls.answer(prefix, station, id, epoch, answer)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'connection', 'station')
  if not held[1] then return true end
  if held[1] ~= 'sent' or held[2] ~= epoch or held[3] ~= station then return false end
  if answer == '' then Calls.finish(prefix, id, 'uncertain', 'malformed', '')
  else Calls.finish(prefix, id, 'answered', '', answer) end
  Calls.startNext(prefix, station)
  return true
end

-- Its time is up, whichever it is.
function Calls.expire(prefix, id)
  local held = redis.call('HMGET', prefix .. ':call:' .. id, 'state', 'station')
  if held[1] == 'sent' then Calls.finish(prefix, id, 'uncertain', 'timeout', '')
  else Calls.finish(prefix, id, 'not-sent', 'expired', '') end
  if held[2] then Calls.startNext(prefix, held[2]) end
end

