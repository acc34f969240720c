-- Wake-up tokens, for the scripts that leave work for another processor (claim.lua says when).

-- A token that no processor takes is useless later; ms.
local TOKEN_MS = 1000

-- Wakes one resting processor. One token at a time is enough.
local function wakeOne(tokens, processId)
  if redis.call('EXISTS', tokens) == 0 then
    redis.call('LPUSH', tokens, processId)
    redis.call('PEXPIRE', tokens, TOKEN_MS)
  end
end
