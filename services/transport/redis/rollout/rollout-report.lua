#!lua flags=allow-oom
--- @include clock
-- Reads the counts of a rollout.
--
-- KEYS[1] rollout        HASH of the counts
-- KEYS[2] rollout-moves  HASH station -> moves
-- KEYS[3] rollout-away   ZSET station -> when it was closed, ms
-- ARGV[1] id of the rollout (escaped)
-- ARGV[2] ms after which a station that is away counts as missing
-- ARGV[3] missing stations that are counted at most
-- Returns {stations, away, missing, field, value, ...}: the fields of the counts.
-- Returns {} for another rollout than the last.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return {} end
local reply = {
  redis.call('HLEN', KEYS[2]),
  redis.call('ZCARD', KEYS[3]),
  -- ZCOUNT needs a right that users of earlier versions do not have.
  #redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', Clock.now() - tonumber(ARGV[2]), 'LIMIT', 0, ARGV[3]),
}
for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do reply[#reply + 1] = text end
return reply
