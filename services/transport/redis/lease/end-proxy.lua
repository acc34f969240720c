#!lua flags=allow-oom
-- Rescue of a dead proxy, step by step: marks it dead, so that it takes no session any more; names the
-- sessions that end-sessions.lua then ends; when none is left, ends the registration and drops the outbox.
--
-- KEYS: 1 process:{pid}  2 sessions:{pid}  3 outbox:{pid}  4 inflight:{pid}  5 proxies
-- ARGV: 1 pid   2 how many stations at most   3 'force': mark it although its lease runs
-- returns {0} while it has a lease; {1, client ids, station, ...}; no station means that the registration has ended
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'live' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local lease = redis.call('ZSCORE', KEYS[5], ARGV[1])
  if ARGV[3] ~= 'force' and lease and tonumber(lease) > now then return { 0 } end
  redis.call('HSET', KEYS[1], 'state', 'dead')
end
local clients = redis.call('HGET', KEYS[1], 'clients') or ''
local stations = redis.call('SRANDMEMBER', KEYS[2], ARGV[2])
if #stations == 0 then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  redis.call('ZREM', KEYS[5], ARGV[1])
end
return { 1, clients, unpack(stations) }
