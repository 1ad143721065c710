-- remove_schedule: make no more jobs of a schedule.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          source         str   who removes it: file | api
-- RETURNS  removed | owned | missing
-- EFFECT   changes
-- INCLUDES none
--
-- A file's schedule goes with the file alone, and one of the API not with a file: owned.
local known = redis.call('HGET', schedule, 'source')
if not known then return answer('missing') end
if known ~= source then return answer('owned') end
redis.call('DEL', schedule)
redis.call('ZREM', key_schedules(), schedule_name)
return answer('removed')
