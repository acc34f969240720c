#!lua flags=allow-oom
-- Puts entries that a processor holds back for others, oldest taken next, each with its delivery count one
-- higher; what was delivered too often goes to the dead letters instead.
--
-- KEYS: 1 process:{pid}  2 processing:{pid}  3 landing:{pid}  4 requests  5 rescued  6 dead-letters  7 processors
--       8 waiter  9 help
-- ARGV: 1 pid
--       2 what: 'mark' (first pass over a dead process: marks it, so that it can take nothing more),
--               'end' (last pass: also ends the registration), 'leave' (the same by the process itself, in good
--               order: no delivery to count), or 'failed' or 'untried' (a living process gives
--               back the numbers in ARGV 6 ...; what it could not even try keeps its delivery count)
--       3 deliveries until an entry is a dead letter   4 dead letters kept   5 why it is given back, for a dead letter
-- returns {1, client ids} for 'mark', 'end' and 'leave', {0} when the process has a lease still ('mark'),
--         {1, entries given back} for 'failed' and 'untried'
local LIMIT, KEPT = tonumber(ARGV[3]), tonumber(ARGV[4])

-- What is put back wakes nobody by itself (see claim.lua).
local function callForHelp()
  if redis.call('EXISTS', KEYS[9]) == 0 then
    redis.call('LPUSH', KEYS[9], ARGV[1])
    redis.call('PEXPIRE', KEYS[9], 1000)
  end
end

local function back(entry)
  local count, text = Dead.split(entry)
  local next = count + ((ARGV[2] == 'untried' or ARGV[2] == 'leave') and 0 or 1)
  if next > LIMIT then
    Dead.bury(KEYS[6], KEPT, ARGV[5], count, text)
  else
    redis.call('RPUSH', KEYS[5], string.format('%d\n', next) .. text)
  end
end

if ARGV[2] == 'failed' or ARGV[2] == 'untried' then
  local given = 0
  for i = 6, #ARGV do
    local entry = redis.call('HGET', KEYS[2], ARGV[i])
    if entry then
      redis.call('HDEL', KEYS[2], ARGV[i])
      back(entry)
      given = given + 1
    end
  end
  callForHelp()
  return { 1, given }
end

local clients = redis.call('HGET', KEYS[1], 'clients') or ''
if ARGV[2] == 'mark' and redis.call('HGET', KEYS[1], 'state') == 'live' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local lease = redis.call('ZSCORE', KEYS[7], ARGV[1])
  if lease and tonumber(lease) > now then return { 0 } end
  redis.call('HSET', KEYS[1], 'state', 'dead')
end

-- The landing list was never handed out: no delivery to count.
local landed = redis.call('LRANGE', KEYS[3], 0, -1)
for i = 1, #landed do redis.call('RPUSH', KEYS[4], landed[i]) end
redis.call('DEL', KEYS[3])

local all = redis.call('HGETALL', KEYS[2])
local held = {}
for i = 1, #all, 2 do held[#held + 1] = { tonumber(all[i]), all[i + 1] } end
table.sort(held, function(a, b) return a[1] > b[1] end)
for i = 1, #held do back(held[i][2]) end
redis.call('DEL', KEYS[2])

if redis.call('GET', KEYS[8]) == ARGV[1] then redis.call('DEL', KEYS[8]) end
callForHelp()
if ARGV[2] == 'end' or ARGV[2] == 'leave' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[7], ARGV[1])
end
return { 1, clients }
