#!lua flags=allow-oom
--- @include clock
-- Registers a process with a lease, and records the ids of its Redis connections, which are killed when it is reclaimed. The
-- first one writes the marker of the data: a random id, and the cluster that owns them.
--
-- A process of another cluster is refused. One with the same namespace and name but another uid (the cluster was deleted and
-- created again on the same data) waits until no process has a lease, and then takes over.
--
-- KEYS[1] process:{process id}    HASH, the registration
-- KEYS[2] processors or proxies   ZSET process id -> end of its lease in ms
-- KEYS[3] the other one of both
-- KEYS[4] store                   HASH, the marker
-- ARGV[1] process id
-- ARGV[2] lease in ms
-- ARGV[3] client ids, comma-separated
-- ARGV[4] id for a marker that does not exist yet
-- ARGV[5] cluster of the process, namespace/name/uid, or '' where it has none
-- ARGV[6] release of a processor, or ''
-- Returns {1, id of the marker}, {0} when the process id has a registration, living or dead, or {-1, owner} of a taken marker.
if redis.call('HGET', KEYS[1], 'state') then return { 0 } end
local owner = redis.call('HGET', KEYS[4], 'cluster')
if ARGV[5] ~= '' and owner ~= ARGV[5] then
  if owner then
    local same = string.match(owner, '^(.*)/') == string.match(ARGV[5], '^(.*)/')
    local living = 0
    for i = 2, 3 do
      living = living + #redis.call('ZRANGEBYSCORE', KEYS[i], '(' .. Clock.now(), '+inf', 'LIMIT', 0, 1)
    end
    if living > 0 or not same then return { -1, owner } end
  end
  redis.call('HSET', KEYS[4], 'cluster', ARGV[5])
end
local id = redis.call('HGET', KEYS[4], 'id')
if not id then
  id = ARGV[4]
  redis.call('HSET', KEYS[4], 'id', id)
end
redis.call('HSET', KEYS[1], 'state', 'live', 'clients', ARGV[3])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'release', ARGV[6]) end
redis.call('ZADD', KEYS[2], Clock.now() + tonumber(ARGV[2]), ARGV[1])
return { 1, id }
