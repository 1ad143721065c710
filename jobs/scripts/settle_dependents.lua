-- settle_dependents: tell the dependents that the script that ended a job left untold.
--
-- KEYS     settling  zset  '<id> <status>' of ended jobs with untold dependents, by their end
-- ARGV     most      int   maximum number of ended jobs per call
-- RETURNS  settled
-- EFFECT   changes
-- INCLUDES settling
--
-- Each dependent is told once, however many housekeepers run, and even if the ended job was purged.
-- Dependents beyond the bound of one run wait for the next. Also returns the number of ended jobs
-- with untold dependents.
for _, entry in ipairs(redis.call('ZRANGE', settling, 0, most - 1)) do
  if not may_settle() then break end
  local id, status = string.match(entry, '^(%S+) (%S+)$')
  redis.call('ZREM', settling, entry)
  settle(id, status)
end
return answer('settled', redis.call('ZCARD', settling))
