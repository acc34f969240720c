#!lua flags=allow-oom
-- Hands a proxy what its stations shall get, in numbered batches. A batch is kept until the proxy names
-- its number, so a reply that got lost comes again, and a request that is sent twice drops nothing.
--
-- KEYS: 1 process:{pid}  2 outbox:{pid}  3 inflight:{pid}
-- ARGV: 1 number of the last batch received   2 prefix   3 time (RFC 3339)
-- returns {number, entry, ...}, newest entry first, or {-1} without a living registration.
-- An entry: epoch, space, message type (0: close the socket), space, message id (JSON), line feed, text.
-- A CALL that was routed stands in the outbox without its text: here it becomes sent, with its time-out in ms behind
-- the message id, or '' when it is not for this connection any more.
local registration = redis.call('HMGET', KEYS[1], 'state', 'batch')
if registration[1] ~= 'live' then return { -1 } end
local batch = tonumber(registration[2]) or 0
if tonumber(ARGV[1]) == batch then redis.call('DEL', KEYS[3]) end
local reply
if redis.call('EXISTS', KEYS[3]) == 0 and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[3])
  batch = redis.call('HINCRBY', KEYS[1], 'batch', 1)
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
  for i, entry in ipairs(reply) do
    if string.byte(entry, -1) == 10 then
      local epoch, id = string.match(entry, '^(%d+) 2 "([^"]+)"\n$')
      if id then
        reply[i] = Calls.send(ARGV[2], id, epoch, ARGV[3]) or ''
        redis.call('LSET', KEYS[3], i - 1, reply[i])
      end
    end
  end
else
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
end
table.insert(reply, 1, batch)
return reply
