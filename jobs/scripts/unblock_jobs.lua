-- unblock_jobs: reserve idle places for blocked jobs, and take back reservations nobody claimed.
--
-- KEYS     waited  set  slots that may have blocked jobs
-- ARGV     most    int  how many reservations may lapse at once
-- RETURNS  unblocked
-- EFFECT   changes
-- INCLUDES record, lease, slot, blocked
--
-- A lapsed job waits again at its rank; ten times as long as it held its reservation, others are
-- served before. While no thread is free none lapses: nobody could make use of the places. Adds
-- how many lapsed.
local lapsed = redis.call('ZRANGE', key_reservations(), '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local free = free_threads()
local given_up = {}
for _, id in ipairs(lapsed) do
  local job = read_job(id)
  if not job or job.status ~= 'queued' then
    redis.call('ZREM', key_reservations(), id)
  elseif free and free < 1 then
    redis.call('ZADD', key_reservations(), now + reservation_of(job), id)
  else
    pass_over(id, job)
    free_slots(id, job)
    block(id, job, 'operation:' .. job.operation)
    announce(id, job)
    given_up[#given_up + 1] = job
  end
end
for _, job in ipairs(given_up) do unblock_at_slots(job) end
for _, slot in ipairs(redis.call('SMEMBERS', waited)) do
  unblock_next(slot)
  if redis.call('ZCARD', key_waiting(slot)) == 0 then redis.call('SREM', waited, slot) end
end
return answer('unblocked', #given_up)
