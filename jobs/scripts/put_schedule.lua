-- put_schedule: create a schedule, or replace the one of that name.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          fields         json  the declared fields, all strings
--          source         str   file | api
--          paused         str   1 | 0, or empty to leave it as it is
--          next_ms        int   the next tick from now on
--          most           int   maximum number of schedules
-- RETURNS  created | replaced | owned | full
-- EFFECT   grows
-- INCLUDES none
--
-- A schedule whose times are unchanged keeps its next tick, so a repeat, or the same declaration by
-- many processes, neither loses nor doubles a tick. 'owned' means that the schedule belongs to a
-- file and the API cannot replace it.
local known = redis.call('HMGET', schedule, 'source', 'cron', 'timezone', 'paused')
if known[1] == 'file' and source == 'api' then return answer('owned') end
if not known[1] and redis.call('ZCARD', key_schedules()) >= most then return answer('full') end

if paused == '' then paused = known[4] or '0' end
local same = known[2] == fields.cron and known[3] == fields.timezone
local resumed = known[4] == '1' and paused == '0'
if not same or resumed then fields.next_ms = whole(next_ms) end
for field, value in pairs(fields) do redis.call('HSET', schedule, field, value) end
redis.call('HSET', schedule, 'source', source, 'paused', paused)
redis.call('HINCRBY', schedule, 'revision', 1)
local score = paused == '1' and '+inf' or redis.call('HGET', schedule, 'next_ms')
redis.call('ZADD', key_schedules(), score, schedule_name)
return answer(known[1] and 'replaced' or 'created')
