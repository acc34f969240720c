#!lua flags=allow-oom
--- @include add-dead-letter
--- @include releases
--- @include wake-up
-- Hands over an entry that this release cannot handle, if processors of another release live that may. This release has no
-- attempts left for it. The delivery count stays, as the entry is not suspected of ending processors.
--
-- It is claimed behind all requeued entries: hand-overs are claimed in their order, and never delay a reclaimed entry.
--
-- KEYS[1] processing:{process id}  HASH delivery tag -> entry
-- KEYS[2] rescued                  LIST of requeued entries
-- KEYS[3] help                     LIST of wake-up tokens
-- ARGV[1] process id
-- ARGV[2] delivery tag
-- ARGV[3] release of the processor
-- ARGV[4] failed deliveries of one release at most
-- ARGV[5] prefix
-- Returns 1; 0 when no other release may handle it; 2 when the processor does not hold it any more. With 0 and 2 nothing is
--   changed.
local release = ARGV[3]
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if not entry then return 2 end
local count, text = DeadLetters.split(entry)
local bare, attempts = Releases.split(text)
if not Releases.areNoted(bare, release) then return 0 end
attempts[release] = tonumber(ARGV[4])
if not Releases.isForAnother(attempts, release, Releases.living(ARGV[5])) then return 0 end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('LPUSH', KEYS[2], string.format('%d\n', count) .. Releases.join(bare, attempts))
wakeOne(KEYS[3], ARGV[1])
return 1
