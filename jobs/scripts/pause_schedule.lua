-- pause_schedule: pause or resume a schedule.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          revision       int   the schedule's revision when the caller read it
--          paused         str   1 | 0
--          next_ms        int   the next tick after a resume
-- RETURNS  changed | unchanged | stale | missing
-- EFFECT   changes
-- INCLUDES none
--
-- Ticks that a pause left out are not made up for. A repeat changes nothing.
local known = redis.call('HMGET', schedule, 'revision', 'paused')
if not known[1] then return answer('missing') end
if known[2] == paused then return answer('unchanged') end
if known[1] ~= whole(revision) then return answer('stale') end
redis.call('HSET', schedule, 'paused', paused)
redis.call('HINCRBY', schedule, 'revision', 1)
if paused == '1' then
  redis.call('ZADD', key_schedules(), '+inf', schedule_name)
else
  redis.call('HSET', schedule, 'next_ms', whole(next_ms))
  redis.call('ZADD', key_schedules(), next_ms, schedule_name)
end
return answer('changed')
