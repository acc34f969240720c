#!lua flags=allow-oom
--- @include writes
-- Applies writes and events that belong to no delivery, only while a field has the value that was read.
--
-- KEYS[1] the record  HASH
-- KEYS[2] requests    names the slot
-- ARGV[1] prefix
-- ARGV[2] field
-- ARGV[3] expected value, or '' when it must not exist
-- ARGV[4] ...         writes, as in writes.lua
-- Returns 1; 0 when the field has another value by now; {'fault', why} when the writes cannot be applied.
local prefix, field, expected = ARGV[1], ARGV[2], ARGV[3]
local value = redis.call('HGET', KEYS[1], field) or ''
if value ~= expected then return 0 end
local fault = Writes.faultOf(prefix, 4, #ARGV, false)
if fault then return { 'fault', fault } end
Writes.apply(prefix, 4, #ARGV)
return 1
