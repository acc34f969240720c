#!lua flags=allow-oom
-- Two ways in which a call leaves the hands of a process: handed back by the proxy that found no socket to write it
-- to, or cancelled while it waits.
--
-- KEYS: 1 requests (names the slot)
-- ARGV: 1 prefix   2 'cancel' or 'hand-back'   3 id   4 epoch of the connection ('hand-back')
-- returns {state, reason, answer} as it is then; {} when there is no such call
local prefix, id = ARGV[1], ARGV[3]
local key = prefix .. ':call:' .. id
if ARGV[2] == 'hand-back' then
  Calls.handBack(prefix, id, ARGV[4])
else
  local held = redis.call('HMGET', key, 'state', 'station')
  if held[1] == 'queued' or held[1] == 'routed' then
    Calls.finish(prefix, id, 'not-sent', 'cancelled', '')
    Calls.startNext(prefix, held[2])
  end
end
local now = redis.call('HMGET', key, 'state', 'reason', 'answer')
return now[1] and now or {}
