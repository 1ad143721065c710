-- remove_schedule: delete a schedule, so that it creates no more jobs.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          source         str   the caller: file | api
-- RETURNS  removed | owned | missing
-- EFFECT   changes
-- INCLUDES none
--
-- Only its own source can remove a schedule; any other caller gets 'owned'.
local known = redis.call('HGET', schedule, 'source')
if not known then return answer('missing') end
if known ~= source then return answer('owned') end
redis.call('DEL', schedule)
redis.call('ZREM', key_schedules(), schedule_name)
return answer('removed')
