-- retry_job: end a failed attempt and schedule the next one.
--
-- KEYS     record    hash  the job
-- ARGV     job_id    str
--          attempt   int
--          token     str
--          delay_ms  int   until the next attempt
--          error     str   the failure as JSON
-- RETURNS  scheduled | cancelled | stale
-- EFFECT   changes
-- INCLUDES record, lease, slot, blocked, job
--
-- Counts exactly one failure, even if the call is repeated after a lost reply. A job that was asked
-- to stop ends cancelled instead.
local job = read_job(job_id)
if not job then return answer('stale') end
local mine = tonumber(job.attempt) == attempt and job.token == token
if mine and IS_WAITING[job.status] then return answer('scheduled') end
if mine and job.status == 'cancelled' then return answer('cancelled') end
if not holds_fence(job, attempt, token) then return answer('stale') end
note('reported', job_id, attempt, token, 'scheduled')
if job.status == 'cancelling' then
  end_job(job_id, job, 'cancelled')
  return answer('cancelled')
end
redis.call('HINCRBY', record, 'failures', 1)
redis.call('HSET', record, 'scheduled_ms', whole(now + delay_ms), 'retry_delay_ms', whole(delay_ms))
redis.call('HSET', key_text(job_id), 'error', error)
redis.call('ZREM', key_leases(), job_id)
redis.call('ZADD', key_due(), now + delay_ms, job_id)
free_slots(job_id, job)
set_status(job_id, job, 'scheduled')
announce(job_id, job)
unblock_at_slots(job)
return answer('scheduled')
