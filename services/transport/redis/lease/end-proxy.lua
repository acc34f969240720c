#!lua flags=allow-oom
--- @include clock
-- One step of ending a proxy: marks it dead, so that it opens no more sessions, and names sessions that end-sessions.lua then
-- ends. When none is left, ends the registration and drops the outbox.
--
-- KEYS[1] process:{process id}   HASH, the registration
-- KEYS[2] sessions:{process id}  SET of its stations
-- KEYS[3] outbox:{process id}    LIST
-- KEYS[4] inflight:{process id}  LIST
-- KEYS[5] proxies                ZSET process id -> end of its lease in ms
-- ARGV[1] process id
-- ARGV[2] stations at most
-- ARGV[3] 'force' to mark it although its lease runs, else ''
-- Returns {1, client ids, station, ...}, stations escaped; no station means that the registration has ended.
-- Returns {0} while its lease runs.
if redis.call('HGET', KEYS[1], 'state') == 'live' then
  local lease = redis.call('ZSCORE', KEYS[5], ARGV[1])
  if ARGV[3] ~= 'force' and lease and tonumber(lease) > Clock.now() then return { 0 } end
  redis.call('HSET', KEYS[1], 'state', 'dead')
end
local clients = redis.call('HGET', KEYS[1], 'clients') or ''
local stations = redis.call('SRANDMEMBER', KEYS[2], ARGV[2])
if #stations == 0 then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  redis.call('ZREM', KEYS[5], ARGV[1])
end
return { 1, clients, unpack(stations) }
