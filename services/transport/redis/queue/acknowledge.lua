#!lua flags=allow-oom
--- @include calls
--- @include writes
-- Acknowledges deliveries: removal, writes, events and response of each in one step, or nothing of it.
-- Removing the entry from the processor's hash is the fence: a script that does not remove it (a late one, one that is sent
-- twice, one of a processor that was reclaimed meanwhile) applies nothing.
--
-- KEYS[1] processing:{process id}  HASH delivery tag -> entry
-- KEYS[2] requests                 names the slot
-- ARGV[1] prefix
-- ARGV[2] last_activity (RFC 3339)
-- ARGV[3] ...                      per delivery the fields below, then what it expects, then its writes, as in writes.lua
-- Redis undoes nothing when a script fails midway, so what cannot be applied is found before anything is, and that delivery stays
-- with its processor. One that fails nevertheless leaves the others as they are; its entry is removed already, and the processor
-- makes it a dead letter.
-- Returns {deliveries removed, tag, reason, held, ...}: those that cannot be applied. held is 'held' where the processor still
--   has the entry; 'late' where it does, and the outcome comes too late after a failed attempt; 'unexpected' where it does, and a
--   record is not as the outcome expects; else ''.

-- Fields of a delivery, counted from its delivery tag.
local STATION = 1 -- escaped
local EPOCH = 2 -- '' of a proxy that has none
local KIND = 3 -- 'call', 'send', 'answer' or 'other'
local SEQUENCE = 4
local LIST = 5 -- whole key of the list that gets the response; '' when no connection waits for one
-- The response is head .. body .. tail; head '' means none. Of an answer of the station, head is the message id, and body the
-- answer, '' when malformed.
local HEAD, BODY, TAIL = 6, 7, 8
-- A replay is replay head .. stored body .. tail. Only a response with the replay's own head is stored: a result.
local REPLAY_HEAD = 9
local BUSINESS_KEY = 10 -- whole key or ''
local WRITES = 11 -- number of arguments of the writes
local KEEP_SECONDS = 12 -- how long the response is stored under the business key
local FAILED_BEFORE = 13 -- '1' when an attempt of the delivery failed before, else ''
local HOLDS = 14 -- '1' when the calls of the station stay held, as it is not accepted, else ''
local EXPECTED = 15 -- number of arguments of what it expects
local FIELDS = 16

local PREFIX, NOW = ARGV[1], ARGV[2]
-- Of a connection's SENDs, numbers this far behind the highest count as applied.
local SEND_WINDOW = 64
-- A response list without a proxy of ours behind it is bounded in length and age.
local OCPP_GO_RESPONSES, OCPP_GO_SECONDS = 100, 120

-- Whether a SEND is new; records it. The window is a list of numbers in the session.
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

-- Whether a business fact of which an attempt failed comes too late to take effect: the session has another connection or a
-- later CALL. The station has no response, and the failure left no dead letter.
local function isLate(at)
  if ARGV[at + FAILED_BEFORE] == '' or ARGV[at + KIND] ~= 'call' or ARGV[at + EPOCH] == '' then return false end
  local key = ARGV[at + BUSINESS_KEY]
  if key == '' or redis.call('EXISTS', key) == 1 then return false end
  local held = redis.call('HMGET', PREFIX .. ':session:' .. ARGV[at + STATION], 'connection', 'sequence')
  return held[1] ~= ARGV[at + EPOCH] or tonumber(ARGV[at + SEQUENCE]) < (tonumber(held[2]) or 0)
end

-- The form of times that sort as texts, if they have one length.
local TIME = '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$'

-- Names by their text, as many deliveries of a batch expect the same fields.
local splitNames = {}

local function split(text)
  local names = splitNames[text]
  if names then return names end
  names = {}
  for name in string.gmatch(text, '[^ ]+') do names[#names + 1] = name end
  splitNames[text] = names
  return names
end

-- Whether a record is as expected. From `at`: its key; from which time its first field must be, and before which ('' for any
-- value); the names of the first field and of the others, with a space between; the values of the others, '' for missing or empty.
local function isExpected(at)
  local from, before, names = ARGV[at + 1], ARGV[at + 2], split(ARGV[at + 3])
  local found = redis.pcall('HMGET', ARGV[at], unpack(names))
  if found.err then return false end
  for i = 2, #names do
    if (found[i] or '') ~= ARGV[at + 2 + i] then return false end
  end
  local value = found[1]
  if before == '' then return true end
  return value and #value == #before and string.find(value, TIME) and value >= from and value < before
end

-- Applies one delivery that was removed. `at` is the index of its delivery tag.
local function apply(at)
  local station, epoch, kind, sequence = ARGV[at + STATION], ARGV[at + EPOCH], ARGV[at + KIND], ARGV[at + SEQUENCE]
  local list, head, body, tail = ARGV[at + LIST], ARGV[at + HEAD], ARGV[at + BODY], ARGV[at + TAIL]
  local replayHead, businessKey = ARGV[at + REPLAY_HEAD], ARGV[at + BUSINESS_KEY]
  local session = PREFIX .. ':session:' .. station
  local hasHeldCalls = false

  if epoch ~= '' then
    local held = redis.call('HMGET', session, 'connection', 'sequence', 'held')
    hasHeldCalls = held[3]
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
        local response = redis.call('HGET', session, 'answer')
        if response and response ~= '' then redis.call('LPUSH', list, response) end
        return
      end
    end
  end

  local stored = businessKey ~= '' and redis.call('GET', businessKey)
  if not stored then
    local first = at + FIELDS + tonumber(ARGV[at + EXPECTED])
    Writes.apply(PREFIX, first, first + tonumber(ARGV[at + WRITES]) - 1)
    if businessKey ~= '' and head == replayHead then
      redis.call('SET', businessKey, body, 'EX', ARGV[at + KEEP_SECONDS])
    end
  end

  local response = stored and replayHead .. stored .. tail or head ~= '' and head .. body .. tail or ''
  if epoch == '' then
    if response ~= '' and list ~= '' then
      redis.call('LPUSH', list, response)
      redis.call('LTRIM', list, 0, OCPP_GO_RESPONSES - 1)
      redis.call('EXPIRE', list, OCPP_GO_SECONDS)
    end
    return
  end
  if kind == 'call' then
    redis.call('HSET', session, 'sequence', sequence, 'answer', response, 'last_activity', NOW)
  end
  if response ~= '' then redis.call('LPUSH', list, response) end
  -- After the response: a station gets the answer to its boot first.
  if hasHeldCalls then
    if ARGV[at + HOLDS] == '1' then Calls.refuse(PREFIX, station) else Calls.release(PREFIX, station) end
  end
end

local reply, at = { 0 }, 3

local function report(tag, reason, held)
  reply[#reply + 1] = tag
  reply[#reply + 1] = reason
  reply[#reply + 1] = held
end

while at <= #ARGV do
  local tag, expected, writes = ARGV[at], tonumber(ARGV[at + EXPECTED]), tonumber(ARGV[at + WRITES])
  local first = at + FIELDS + expected
  local next = first + writes
  local isUnexpected = expected > 0 and not isExpected(at + FIELDS)
  local fault = not isUnexpected and writes > 0 and Writes.faultOf(PREFIX, first, next - 1, expected > 0 and ARGV[at + FIELDS]) or nil
  if isUnexpected then
    if redis.call('HGET', KEYS[1], tag) then report(tag, 'its record is not as expected', 'unexpected') end
  elseif fault then
    if redis.call('HGET', KEYS[1], tag) then report(tag, fault, 'held') end
  elseif isLate(at) then
    if redis.call('HGET', KEYS[1], tag) then report(tag, 'an attempt failed, and then its connection waited no more', 'late') end
  elseif redis.call('HDEL', KEYS[1], tag) == 1 then
    reply[1] = reply[1] + 1
    local applied, why = pcall(apply, at)
    if not applied then report(tag, type(why) == 'table' and why.err or tostring(why), '') end
  end
  at = next
end
return reply
