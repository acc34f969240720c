#!lua flags=no-writes
-- Reads fields of several records.
--
-- KEYS[1..n] records
-- ARGV[1]    n; a Cluster adds a key that is none of them
-- ARGV[2]    number of fields of each, or 0 for all of its fields
-- ARGV[3..]  names of the fields
-- Returns for each record the values in the order of the names, false for one that is missing; with 0 names and values by
--   turns; an error for a key that is no record.

local reply = {}
for i = 1, tonumber(ARGV[1]) do
  if ARGV[2] == '0' then reply[i] = redis.pcall('HGETALL', KEYS[i])
  else reply[i] = redis.pcall('HMGET', KEYS[i], unpack(ARGV, 3)) end
end
return reply
