-- Dead letters, for the scripts that make them (scripts.ts puts this text before theirs).
--
-- {prefix}:dead-letters  STREAM: the id tells when it was given up; fields
--   reason      one line   deliveries  how often it was handed out
--   entry       as it stood in the queue
local Dead = {}

-- Room for as many letters as are kept would be gigabytes if all were of the longest messages.
local DEAD_BYTES = 64 * 1024 * 1024

-- How often an entry was handed out, and its text: one that was rescued has the count in front.
function Dead.split(entry)
  local count, text = string.match(entry, '^(%d+)\n(.*)$')
  return tonumber(count or 1), text or entry
end

-- The oldest letters give way to the new one.
function Dead.bury(key, kept, reason, deliveries, text)
  redis.call('XADD', key, 'MAXLEN', kept, '*', 'reason', string.gsub(reason, '%c+', ' '),
    'deliveries', deliveries, 'entry', text)
  local bytes = redis.pcall('MEMORY', 'USAGE', key)
  if type(bytes) == 'number' and bytes > DEAD_BYTES then
    redis.call('XTRIM', key, 'MAXLEN', math.floor(redis.call('XLEN', key) * 0.9))
  end
end
