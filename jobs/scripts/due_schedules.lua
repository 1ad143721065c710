-- due_schedules: read the schedules whose next tick has come, the longest overdue first.
--
-- KEYS     schedules  zset  all schedules by next tick
-- ARGV     most       int   maximum number of schedules; 0 reads only the time
-- RETURNS  due
-- EFFECT   reads
-- INCLUDES none
--
-- Changes nothing. Also returns the time in ms, and the name and fields of each schedule.
local found = {}
if most > 0 then
  for _, name in ipairs(redis.call('ZRANGE', schedules, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
    found[#found + 1] = {name, redis.call('HGETALL', key_schedule(name))}
  end
end
return answer('due', whole(now), found)
