-- Open calls as ocpp-go records them, for calls.lua: {prefix}:correlation:{message id}, and with UseDistributedState the
-- pending hash of the station, in the next database.
local Correlation = {}

-- @param call its fields timeout, name, action, pending, pendingDb, pendingTtl and db   @param now RFC 3339
function Correlation.add(prefix, id, call, now)
  local json = string.format(
    '{"message_id":"%s","charge_point_id":%s,"request_time":"%s","timeout":%.0f}',
    id, cjson.encode(call.name), now, call.timeout * 1e6)
  redis.call('SET', prefix .. ':correlation:' .. id, json, 'PX', call.timeout)
  if call.pending == '' then return end
  redis.call('SELECT', call.pendingDb)
  redis.call('HSET', call.pending, id, '{"featureName":' .. cjson.encode(call.action) .. '}')
  redis.call('PEXPIRE', call.pending, string.format('%.0f', math.max(tonumber(call.pendingTtl), tonumber(call.timeout))))
  redis.call('SELECT', call.db)
end

function Correlation.remove(prefix, id, pending, pendingDb, db)
  redis.call('DEL', prefix .. ':correlation:' .. id)
  if not pending or pending == '' then return end
  redis.call('SELECT', pendingDb)
  redis.call('HDEL', pending, id)
  redis.call('SELECT', db)
end
