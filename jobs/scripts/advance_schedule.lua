-- advance_schedule: go on from one tick to a later one, and keep what became of a tick.
--
-- KEYS     schedule       hash  the schedule
-- ARGV     schedule_name  str
--          revision       int   of the schedule that the caller has read
--          tick_ms        int   the tick that it had next
--          next_ms        int   the one that it gets
--          last           json  fields about the latest tick, all strings; empty for none
-- RETURNS  advanced | stale | missing
-- EFFECT   changes
-- INCLUDES none
--
-- Of two callers that have read the same tick one reads 'advanced'. What became of a tick is kept
-- even if the schedule was changed meanwhile; of several accounts the one that made a job counts.
local known = redis.call('HMGET', schedule, 'revision', 'next_ms', 'last_tick_ms')
if not known[1] then return answer('missing') end

local told, recorded = tonumber(last.last_tick_ms or 0), tonumber(known[3] or 0)
if told > recorded or (told == recorded and last.last_outcome == 'submitted') then
  redis.call('HDEL', schedule, 'last_job', 'last_detail')
  for field, value in pairs(last) do redis.call('HSET', schedule, field, value) end
end
if known[1] ~= whole(revision) or known[2] ~= whole(tick_ms) then return answer('stale') end
redis.call('HSET', schedule, 'next_ms', whole(next_ms))
redis.call('ZADD', key_schedules(), next_ms, schedule_name)
return answer('advanced')
