#!lua flags=allow-oom
--- @include clock
--- @include rollout
-- Counts moves of stations, and the times until returned stations got a response. A script that is sent twice counts once: each
-- process numbers its scripts.
--
-- KEYS[1] rollout        HASH: id, earlier, moves, movedAgain, forced, second, returns, peak, gap:{bucket}, batch:{process id}
-- KEYS[2] rollout-moves  HASH station (escaped) -> moves
-- KEYS[3] rollout-away   ZSET station (escaped) -> when it was closed, ms
-- ARGV[1] prefix
-- ARGV[2] id of the rollout (escaped); '' for gaps only, which count for the last rollout
-- ARGV[3] process id
-- ARGV[4] number of this script, from 1
-- ARGV[5] seconds to keep the counts
-- ARGV[6] earlier rollouts to know
-- ARGV[7] number of gap buckets that follow
-- ARGV[8] ... the buckets, one for each gap; then per move: station (escaped), epoch, ms since the close, 'forced' or '',
--   bucket for a station that has returned already
-- Returns 1; 0 when it was counted before, or belongs to an earlier rollout or to none.
local prefix, id, processId, number, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local gaps = tonumber(ARGV[7])
local held = redis.call('HMGET', KEYS[1], 'id', 'earlier', 'batch:' .. processId)
if tonumber(held[3] or 0) >= number then return 0 end

if id == '' then
  if not held[1] then return 0 end
elseif held[1] ~= id then
  local earlier, known = { held[1] or nil }, tonumber(ARGV[6])
  for one in string.gmatch(held[2] or '', '%S+') do
    if one == id then return 0 end
    if #earlier < known then earlier[#earlier + 1] = one end
  end
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'id', id, 'earlier', table.concat(earlier, ' '))
end
redis.call('HSET', KEYS[1], 'batch:' .. processId, number)

for i = 8, 7 + gaps do redis.call('HINCRBY', KEYS[1], 'gap:' .. ARGV[i], 1) end

local now = Clock.now()
for i = 8 + gaps, #ARGV, 5 do
  local station, epoch, closedAt = ARGV[i], tonumber(ARGV[i + 1]), now - tonumber(ARGV[i + 2])
  redis.call('HINCRBY', KEYS[1], 'moves', 1)
  if ARGV[i + 3] == 'forced' then redis.call('HINCRBY', KEYS[1], 'forced', 1) end
  if redis.call('HINCRBY', KEYS[2], station, 1) == 2 then redis.call('HINCRBY', KEYS[1], 'movedAgain', 1) end
  if tonumber(redis.call('GET', prefix .. ':last-epoch:' .. station) or 0) > epoch then
    Rollout.returned(KEYS[1], KEYS[3], station, closedAt, keep)
    redis.call('HINCRBY', KEYS[1], 'gap:' .. ARGV[i + 4], 1)
  else
    redis.call('ZADD', KEYS[3], closedAt, station)
  end
end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], keep) end
return 1
