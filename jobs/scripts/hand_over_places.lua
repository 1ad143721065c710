-- hand_over_places: give idle places to parked jobs, and take back reservations nobody claimed.
--
-- KEYS     waited  set  slots that may have parked jobs
-- ARGV     most    int  how many reservations may lapse at once
-- RETURNS  handed
--
-- A lapsed job waits again at its rank, behind those whose wake-up was never missed. Adds how
-- many lapsed.
local lapsed = redis.call('ZRANGE', key_reservations(), '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local given_up = {}
for _, id in ipairs(lapsed) do
  local job = read_job(id)
  if job and job.status == 'queued' then
    job.lapses = redis.call('HINCRBY', key_job(id), 'lapses', 1)
    free_slots(id, job)
    park(id, job, slots_of(job)[1][1])
    announce(id, job)
    given_up[#given_up + 1] = job
  else
    redis.call('ZREM', key_reservations(), id)
  end
end
for _, job in ipairs(given_up) do hand_over_slots(job) end
for _, slot in ipairs(redis.call('SMEMBERS', waited)) do
  hand_over(slot)
  if redis.call('ZCARD', key_waiting(slot)) == 0 then redis.call('SREM', waited, slot) end
end
return answer('handed', #lapsed)
