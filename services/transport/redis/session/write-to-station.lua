#!lua
-- Enqueues an unsolicited frame to the proxy that holds the station's session.
--
-- KEYS[1] session:{station}  HASH
-- ARGV[1] prefix
-- ARGV[2] entry of the outbox without its epoch: space, type, space, message id (JSON), line feed, text
-- ARGV[3] longest outbox
-- Returns 1; 0 when the station is offline; -1 when the outbox is full.
local held = redis.call('HMGET', KEYS[1], 'ws_server_id', 'connection')
local proxyId, epoch = held[1], held[2]
if not proxyId or not epoch then return 0 end
local outbox = ARGV[1] .. ':outbox:' .. proxyId
if redis.call('LLEN', outbox) >= tonumber(ARGV[3]) then return -1 end
redis.call('LPUSH', outbox, epoch .. ARGV[2])
return 1
