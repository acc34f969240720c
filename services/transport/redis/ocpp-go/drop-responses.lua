#!lua flags=allow-oom
-- ocpp-go interop: drops the frames that were written for earlier connections of a station.
--
-- KEYS[1] process:{proxy id}   HASH, the registration
-- KEYS[2] session:{station}    HASH
-- KEYS[3] responses:{station}  LIST
-- ARGV[1] epoch of the connection
-- Returns 1, or 0 when the session is not that connection's, or the registration does not live.
if redis.call('HGET', KEYS[1], 'state') ~= 'live' then return 0 end
if redis.call('HGET', KEYS[2], 'connection') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[3])
return 1
