-- advance_schedule: advance a schedule to a later tick, and record the outcome of a tick.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          revision       int   the schedule's revision when the caller read it
--          tick_ms        int   the next tick when the caller read it
--          next_ms        int   the new next tick
--          last           json  fields about the latest tick, all strings; empty for none
-- RETURNS  advanced | stale | missing
-- EFFECT   changes
-- INCLUDES none
--
-- If two callers have read the same tick, exactly one gets 'advanced'. The outcome of a tick is
-- recorded even if the schedule has changed in between; an outcome with a job replaces one without.
local known = redis.call('HMGET', schedule, 'revision', 'next_ms', 'last_tick_ms')
if not known[1] then return answer('missing') end

local reported, recorded = tonumber(last.last_tick_ms or 0), tonumber(known[3] or 0)
if reported > recorded or (reported == recorded and last.last_outcome == 'submitted') then
  redis.call('HDEL', schedule, 'last_job', 'last_detail')
  for field, value in pairs(last) do redis.call('HSET', schedule, field, value) end
end
if known[1] ~= whole(revision) or known[2] ~= whole(tick_ms) then return answer('stale') end
redis.call('HSET', schedule, 'next_ms', whole(next_ms))
redis.call('ZADD', key_schedules(), next_ms, schedule_name)
return answer('advanced')
