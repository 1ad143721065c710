-- due_schedules: read the schedules whose next tick has come, the longest overdue first.
--
-- KEYS     schedules  zset  all of them by their next tick
-- ARGV     most       int   how many at once; 0 asks for the time alone
-- RETURNS  due
-- EFFECT   reads
-- INCLUDES none
--
-- Changes nothing. Adds the time in ms, and for each its name and its fields.
local found = {}
if most > 0 then
  for _, name in ipairs(redis.call('ZRANGE', schedules, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
    found[#found + 1] = {name, redis.call('HGETALL', key_schedule(name))}
  end
end
return answer('due', whole(now), found)
