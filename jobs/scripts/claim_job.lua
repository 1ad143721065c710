-- claim_job: lease one queued job to one worker.
--
-- KEYS     record    hash  the job
-- ARGV     job_id         str
--          token          str   drawn by the worker for this delivery; the fence is attempt and token
--          worker         str   the claiming worker's id
--          lease_ms       int   how long the claim is valid without a heartbeat
--          newest_format  int   the newest format that the worker can read
--          limits         json  places declared in the code for each slot, for slots without a limit
-- RETURNS  claimed | blocked | taken | ended | newer | missing
-- EFFECT   changes
-- INCLUDES record, outbox, slot, turn, blocked, acquire, event
--
-- If two workers race for one job, exactly one gets 'claimed', and gets it again if it repeats the
-- call. No slot ever has more occupants than its limit allows. 'claimed' also returns attempt,
-- failures, crashes and the delay before the last retry in ms, if any; 'newer' also returns the
-- format.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then return answer('ended') end
if job.status == 'scheduled' then return answer('blocked') end
if job.status ~= 'queued' then
  if job.token ~= token then return answer('taken') end
  return answer('claimed', job.attempt, job.failures, job.crashes, job.retry_delay_ms or '')
end
if tonumber(job.format or 1) > newest_format then return answer('newer', job.format) end

for slot, places in pairs(limits) do
  redis.call('HSETNX', key_limits(), 'declared:' .. slot, places)
end

-- A lowered limit revokes reservations before they turn into running jobs.
if job.reserved then
  for _, slot in ipairs(slots_of(job)) do
    if free_places(slot[1]) < 0 then
      free_slots(job_id, job)
      break
    end
  end
end

local lacking, evicted
if not job.reserved then lacking, evicted = acquire_slots(job_id, job) end
if lacking then
  -- Block the job first: `unblock_at_slots` reads its record again, and this table is then stale.
  block(job_id, job, lacking)
  announce(job_id, job)
  return_slots(evicted)
  unblock_at_slots(job)
  return answer('blocked')
end

local was_reserved = job.reserved
unblock(job_id, job)
forget_wakeup(job_id, job)
redis.call('ZREM', key_reservations(), job_id)
redis.call('HDEL', record, 'reserved', 'lapses', 'passed_until_ms', 'snoozes', 'checks', 'percent', 'current', 'total')
redis.call('HDEL', key_text(job_id), 'step')
take_places(job_id, job, -1)
start_turn(job)
redis.call('HINCRBY', record, 'attempt', 1)
redis.call('HSET', record, 'token', token, 'worker', worker, 'started_ms', whole(now))
redis.call('ZADD', key_leases(), now + lease_ms, job_id)
note('claimed', job_id, job.attempt + 1, worker, now + lease_ms, slots_of(job), token)
set_status(job_id, job, 'running')
if tonumber(job.attempt) == 0 then queue_job_delivery(job_id, job) end
job.percent = nil
announce(job_id, job)
return_slots(evicted)
-- A free thread may now have another job reserved for it.
if was_reserved then unblock_at_slots(job) end
return answer('claimed', whole(tonumber(job.attempt) + 1), job.failures, job.crashes, job.retry_delay_ms or '')
