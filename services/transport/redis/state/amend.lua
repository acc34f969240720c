#!lua flags=allow-oom
-- Applies writes and events that belong to no delivery, only while a field is as it was read.
--
-- KEYS: 1 the record   2 requests (names the slot)
-- ARGV: 1 prefix   2 field   3 its value, or '' while it does not exist   4 ... writes, as in writes.lua
-- returns 1; 0 when the field has another value by now; {'fault', why} when the writes cannot be applied
local held = redis.call('HGET', KEYS[1], ARGV[2]) or ''
if held ~= ARGV[3] then return 0 end
local fault = Writes.faultOf(ARGV[1], 4, #ARGV)
if fault then return { 'fault', fault } end
Writes.apply(ARGV[1], 4, #ARGV)
return 1
