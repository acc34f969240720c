#!lua flags=allow-oom
--- @include calls
--- @include clock
--- @include rfc3339
-- Hands a proxy the frames for its stations, in numbered batches. A batch is kept until the proxy names its number, so a batch
-- whose reply was lost is handed out again, and a script that is sent twice drops nothing.
--
-- KEYS[1] process:{process id}   HASH, the registration
-- KEYS[2] outbox:{process id}    LIST
-- KEYS[3] inflight:{process id}  LIST, the batch
-- ARGV[1] number of the last batch received
-- ARGV[2] prefix
-- Returns {number, entry, ...}, newest entry first, or {-1} without a living registration.
-- An entry: epoch, space, message type (0: close the socket), space, message id (JSON), line feed, text.
-- A CALL that was routed is in the outbox without its text: here it becomes sent, with its time-out in ms behind the message
-- id, or '' when it is not for this connection any more.
local seen, prefix = tonumber(ARGV[1]), ARGV[2]
local registration = redis.call('HMGET', KEYS[1], 'state', 'batch')
if registration[1] ~= 'live' then return { -1 } end
local batch = tonumber(registration[2]) or 0
if seen == batch then redis.call('DEL', KEYS[3]) end
local reply
if redis.call('EXISTS', KEYS[3]) == 0 and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[3])
  batch = redis.call('HINCRBY', KEYS[1], 'batch', 1)
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
  for i, entry in ipairs(reply) do
    if string.byte(entry, -1) == 10 then
      local epoch, id = string.match(entry, '^(%d+) 2 "([^"]+)"\n$')
      if id then
        -- The time is no argument, as the script may wait in Redis behind a blocking command.
        reply[i] = Calls.send(prefix, id, epoch, rfc3339(Clock.now())) or ''
        redis.call('LSET', KEYS[3], i - 1, reply[i])
      end
    end
  end
else
  reply = redis.call('LRANGE', KEYS[3], 0, -1)
end
table.insert(reply, 1, batch)
return reply
