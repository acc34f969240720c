#!lua flags=allow-oom
--- @include calls
-- Requeues a call for which the proxy found no socket, only while it counts as sent on that connection.
--
-- KEYS[1] call:{id}  HASH
-- ARGV[1] prefix
-- ARGV[2] id
-- ARGV[3] epoch of the connection
-- Returns 1, or 0 when the call is not sent on that connection (any more).
return Calls.requeueUnwritten(ARGV[1], ARGV[2], ARGV[3])
