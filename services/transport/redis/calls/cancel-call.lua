#!lua flags=allow-oom
--- @include calls
-- Cancels a call that is not sent yet.
--
-- KEYS[1] call:{id}  HASH
-- ARGV[1] prefix
-- ARGV[2] id
-- Returns the state of the call after it: {state, reason, answer}, or {} when there is no such call.
local prefix, id = ARGV[1], ARGV[2]
local held = redis.call('HMGET', KEYS[1], 'state', 'station')
local state, station = held[1], held[2]
if state == 'queued' or state == 'routed' then
  Calls.complete(prefix, id, 'not-sent', 'cancelled', '')
  Calls.startNext(prefix, station)
end
local now = redis.call('HMGET', KEYS[1], 'state', 'reason', 'answer')
return now[1] and now or {}
