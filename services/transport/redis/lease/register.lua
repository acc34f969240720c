#!lua flags=allow-oom
-- Registers a process with a lease, or renews it, and notes the ids of its Redis connections, which a
-- rescuer kills. A registration that was marked dead, or is gone, is never renewed: its process starts anew.
--
-- KEYS: 1 process:{pid}   2 processors or proxies
-- ARGV: 1 pid   2 lease in ms   3 'new' or 'renew'   4 client ids, comma-separated
-- returns 1, or 0 when there is no living registration to renew
local state = redis.call('HGET', KEYS[1], 'state')
if ARGV[3] == 'renew' and state ~= 'live' then return 0 end
if ARGV[3] == 'new' and state then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'live', 'clients', ARGV[4])
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
return 1
