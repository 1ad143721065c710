-- settle_dependents: tell the dependents that the script which ended a job could not tell.
--
-- KEYS     settling  zset  '<id> <status>' of ended jobs with untold dependents, by their end
-- ARGV     most      int   how many of these at once
-- RETURNS  settled
-- EFFECT   changes
-- INCLUDES settling
--
-- Each dependent is told once, however many housekeepers run, and whether or not the ended job is
-- still kept. Those beyond the bound of one run stay for the next. Adds how many ended jobs are left.
for _, entry in ipairs(redis.call('ZRANGE', settling, 0, most - 1)) do
  if not may_settle() then break end
  local id, status = string.match(entry, '^(%S+) (%S+)$')
  redis.call('ZREM', settling, entry)
  settle(id, status)
end
return answer('settled', redis.call('ZCARD', settling))
