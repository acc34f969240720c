#!lua flags=allow-oom
--- @include clock
-- Renews the lease of a process and the ids of its Redis connections. A registration that was marked dead, or is gone, is
-- never renewed: its process registers under a new id.
--
-- KEYS[1] process:{process id}    HASH, the registration
-- KEYS[2] processors or proxies   ZSET process id -> end of its lease in ms
-- ARGV[1] process id
-- ARGV[2] lease in ms
-- ARGV[3] client ids, comma-separated
-- Returns 1, or 0 without a living registration.
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'live', 'clients', ARGV[3])
redis.call('ZADD', KEYS[2], Clock.now() + tonumber(ARGV[2]), ARGV[1])
return 1
