#!lua flags=allow-oom
-- Completes deliveries: removal, writes, events and answer of each in one step, or nothing of it.
-- Removing the entry from the processor's hash is the fence: whoever does not remove it (a late
-- finish, a script that is sent twice, a processor that was rescued meanwhile) applies nothing.
--
-- KEYS: 1 processing:{pid}   2 requests (names the slot)
-- ARGV: 1 prefix   2 last_activity (RFC 3339)   3 dead letters kept
--  then per delivery:
--   number, station (escaped), epoch ('' for a proxy that has none), kind ('call', 'send', 'answer' or 'other'),
--   sequence, answer list (a whole key, or '' where nobody waits for an answer), head, body, tail, replay head, business key (whole key or ''), count of writes arguments,
--   seconds that the answer stays under the business key
--   then the writes, as in writes.lua
--  Of an answer of the station the message id stands in head, and the answer in body; body '' means malformed.
--  The answer is head .. body .. tail; head '' means none. A replay is replay head .. stored body .. tail; an
--  answer with the replay's own head is a result, the only kind that is stored.
-- Redis takes nothing back when a script fails midway, so what cannot be applied is found before anything is:
-- that delivery becomes a dead letter. One that fails all the same takes no other with it; its entry is removed by then, and
-- whoever sent it makes it a dead letter.
-- returns {how many deliveries it removed, number, reason, 'kept' or '', ...}: those that cannot be applied, kept as dead letters or not
local PREFIX, NOW = ARGV[1], ARGV[2]
local FIELDS = 13
-- Of a connection's SENDs, numbers this far behind the highest are taken as applied.
local SEND_WINDOW = 64
-- An answer list without a proxy of ours behind it is bounded in length and age.
local FORK_ANSWERS, FORK_SECONDS = 100, 120

-- Whether a SEND is new; remembers it. The window is a list of numbers in the session.
local function isNewSend(session, sequence)
  local window = redis.call('HGET', session, 'sends') or ''
  local number, highest, kept = tonumber(sequence), 0, {}
  for text in string.gmatch(window, '%d+') do
    local one = tonumber(text)
    if one == number then return false end
    if one > highest then highest = one end
    kept[#kept + 1] = one
  end
  if number <= highest - SEND_WINDOW then return false end
  highest = math.max(highest, number)
  local texts = { sequence }
  for i = 1, #kept do
    if kept[i] > highest - SEND_WINDOW then texts[#texts + 1] = string.format('%.0f', kept[i]) end
  end
  redis.call('HSET', session, 'sends', table.concat(texts, ','))
  return true
end

-- One delivery that was removed. `at` is the index of its first argument.
local function complete(at)
  local station, epoch, kind, sequence = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local list, head, body, tail = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local replayHead, businessKey = ARGV[at + 9], ARGV[at + 10]
  local session = PREFIX .. ':session:' .. station

  if epoch ~= '' then
    local held = redis.call('HMGET', session, 'connection', 'sequence')
    if held[1] ~= epoch then return end
    if kind == 'send' and not isNewSend(session, sequence) then return end
    if kind == 'answer' then
      if not Calls.answer(PREFIX, station, head, epoch, body) then return end
      head = ''
    end
    if kind == 'call' then
      local number, last = tonumber(sequence), tonumber(held[2]) or 0
      if number < last then return end
      if number == last then
        local answer = redis.call('HGET', session, 'answer')
        if answer and answer ~= '' then redis.call('LPUSH', list, answer) end
        return
      end
    end
  end

  local stored = businessKey ~= '' and redis.call('GET', businessKey)
  if not stored then
    local writes = tonumber(ARGV[at + 11])
    Writes.apply(PREFIX, at + FIELDS, at + FIELDS + writes - 1)
    if businessKey ~= '' and head == replayHead then redis.call('SET', businessKey, body, 'EX', ARGV[at + 12]) end
  end

  local answer = stored and replayHead .. stored .. tail or head ~= '' and head .. body .. tail or ''
  if epoch == '' then
    if answer ~= '' and list ~= '' then
      redis.call('LPUSH', list, answer)
      redis.call('LTRIM', list, 0, FORK_ANSWERS - 1)
      redis.call('EXPIRE', list, FORK_SECONDS)
    end
    return
  end
  if kind == 'call' then
    redis.call('HSET', session, 'sequence', sequence, 'answer', answer, 'last_activity', NOW)
  end
  if answer ~= '' then redis.call('LPUSH', list, answer) end
end

local reply, at = { 0 }, 4

local function report(number, reason, kept)
  reply[#reply + 1] = number
  reply[#reply + 1] = reason
  reply[#reply + 1] = kept
end

while at <= #ARGV do
  local number, writes = ARGV[at], tonumber(ARGV[at + 11])
  local next = at + FIELDS + writes
  local fault = writes > 0 and Writes.faultOf(PREFIX, at + FIELDS, next - 1) or nil
  local entry = fault and redis.call('HGET', KEYS[1], number)
  if redis.call('HDEL', KEYS[1], number) == 1 then
    reply[1] = reply[1] + 1
    if fault then
      Dead.bury(PREFIX .. ':dead-letters', ARGV[3], fault, Dead.split(entry))
      report(number, fault, 'kept')
    else
      local done, why = pcall(complete, at)
      if not done then report(number, type(why) == 'table' and why.err or tostring(why), '') end
    end
  end
  at = next
end
return reply
