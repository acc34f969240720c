#!lua
--- @include add-unreadable
-- Keeps an unreadable text of a station. Refused while Redis is full.
--
-- KEYS[1] unreadable  STREAM
-- ARGV[1] prefix
-- ARGV[2] station (escaped)
-- ARGV[3] station (as it is)
-- ARGV[4] protocol
-- ARGV[5] epoch of the connection
-- ARGV[6] reason
-- ARGV[7] text
-- Returns 1, or 0 when the station has used its quota.
return Unreadable.keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
