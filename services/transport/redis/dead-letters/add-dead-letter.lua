--- @include releases
-- Dead letters, for the scripts that add them.
--
-- {prefix}:dead-letters  STREAM: the id tells when a letter was added; fields
--   reason      one line
--   deliveries  how often it was handed out
--   entry       as it was in the queue
local DeadLetters = {}

-- As many letters as are kept would be gigabytes if all had the longest messages.
local DEAD_LETTERS_BYTES = 64 * 1024 * 1024

-- How often an entry was handed out, and its text: a reclaimed entry starts with the count.
function DeadLetters.split(entry)
  local count, text = string.match(entry, '^(%d+)\n(.*)$')
  return tonumber(count or 1), text or entry
end

-- Adds a letter; the oldest ones are dropped. Attempts begin again when it is replayed, so they are not in it.
function DeadLetters.add(key, kept, reason, deliveries, text)
  redis.call('XADD', key, 'MAXLEN', kept, '*', 'reason', string.gsub(reason, '%c+', ' '),
    'deliveries', deliveries, 'entry', (Releases.split(text)))
  local bytes = redis.pcall('MEMORY', 'USAGE', key)
  if type(bytes) == 'number' and bytes > DEAD_LETTERS_BYTES then
    redis.call('XTRIM', key, 'MAXLEN', math.floor(redis.call('XLEN', key) * 0.9))
  end
end
