#!lua flags=allow-oom
--- @include clock
-- Renews the lease of a process and the ids of its Redis connections. A registration that was marked dead, or is gone, is
-- never renewed: its process registers under a new id.
--
-- A process that leaves (it serves what it has, and will end) says so. While all proxies do, the cluster is being deleted, and a
-- key tells processors and Redis to serve the last stations.
--
-- KEYS[1] process:{process id}    HASH, the registration
-- KEYS[2] processors or proxies   ZSET process id -> end of its lease in ms
-- KEYS[3] ending                  STRING, exists while all proxies leave
-- ARGV[1] process id
-- ARGV[2] lease in ms
-- ARGV[3] client ids, comma-separated
-- ARGV[4] its role, processor or proxy, if it leaves, else ''
-- ARGV[5] prefix
-- Returns 1, or 0 without a living registration.
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'live', 'clients', ARGV[3])
local now = Clock.now()
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
if ARGV[4] == '' then return 1 end
redis.call('HSET', KEYS[1], 'leaving', '1')
if ARGV[4] ~= 'proxy' then return 1 end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do
  if not redis.call('HGET', ARGV[5] .. ':process:' .. id, 'leaving') then
    redis.call('DEL', KEYS[3])
    return 1
  end
end
-- Renewals come three times in a lease.
redis.call('SET', KEYS[3], '1', 'PX', math.ceil(ARGV[2] * 2 / 3))
return 1
