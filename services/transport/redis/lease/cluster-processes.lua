#!lua flags=no-writes
--- @include clock
-- The processes of the cluster, with what each has, the leases of rates, and the counts of the last rollout.
--
-- KEYS[1] proxies        ZSET process id -> end of its lease in ms
-- KEYS[2] processors     the same
-- KEYS[3] rates          HASH process -> its lease
-- KEYS[4] rollout        HASH of the counts
-- KEYS[5] rollout-moves  HASH station -> moves
-- KEYS[6] rollout-away   ZSET station -> when it was closed, ms
-- ARGV[1] prefix
-- ARGV[2] processes of each role that are read at most
-- Returns {now in ms, proxies, processors, rates, {stations, away, field, value, ...}}. A process is {id, end of its lease, number
--   of its stations or deliveries, leaving or '', release or ''}. Rates and counts are the fields and values of their hashes.
local function processes(key, countOf)
  local found, ids = {}, redis.call('ZRANGE', key, 0, ARGV[2] - 1, 'WITHSCORES')
  for i = 1, #ids, 2 do
    local held = redis.call('HMGET', ARGV[1] .. ':process:' .. ids[i], 'leaving', 'release')
    found[#found + 1] = { ids[i], ids[i + 1], countOf(ids[i]), held[1] or '', held[2] or '' }
  end
  return found
end

local counts = { redis.call('HLEN', KEYS[5]), redis.call('ZCARD', KEYS[6]) }
for _, text in ipairs(redis.call('HGETALL', KEYS[4])) do counts[#counts + 1] = text end
return {
  Clock.now(),
  processes(KEYS[1], function(id) return redis.call('SCARD', ARGV[1] .. ':sessions:' .. id) end),
  processes(KEYS[2], function(id) return redis.call('HLEN', ARGV[1] .. ':processing:' .. id) end),
  redis.call('HGETALL', KEYS[3]), counts,
}
