#!lua
-- Queues a frame nobody asked for to the proxy that holds the station's session.
--
-- KEYS: 1 session:{id}
-- ARGV: 1 prefix   2 ' ', type, ' ', message id (JSON), line feed, text: the entry without its epoch
--       3 longest outbox
-- returns 1; 0 when the station is offline; -1 when the outbox is full
local held = redis.call('HMGET', KEYS[1], 'ws_server_id', 'connection')
if not held[1] or not held[2] then return 0 end
local outbox = ARGV[1] .. ':outbox:' .. held[1]
if redis.call('LLEN', outbox) >= tonumber(ARGV[3]) then return -1 end
redis.call('LPUSH', outbox, held[2] .. ARGV[2])
return 1
