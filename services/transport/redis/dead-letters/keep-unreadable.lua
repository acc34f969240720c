#!lua
-- Keeps a text of a station that could not be understood (add-unreadable.lua). Not while Redis is full.
--
-- KEYS: 1 unreadable
-- ARGV: 1 prefix   2 station (escaped)   3 station   4 protocol   5 epoch of the connection   6 reason   7 text
-- returns 1, or 0 when the station has used its quota
return Unreadable.keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
