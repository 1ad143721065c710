-- release_job: return a running job to the queue for another worker.
--
-- KEYS     record   hash  the job
-- ARGV     job_id   str
--          attempt  int
--          token    str
-- RETURNS  queued | cancelled | stale
-- EFFECT   changes
-- INCLUDES record, lease, slot, blocked, acquire, job
--
-- Counts neither as a failure nor as a crash. A job that was asked to stop ends cancelled instead.
local job = read_job(job_id)
if not job then return answer('stale') end
local mine = tonumber(job.attempt) == attempt and job.token == token
if mine and job.status == 'queued' then return answer('queued') end
if mine and job.status == 'cancelled' then return answer('cancelled') end
if not holds_fence(job, attempt, token) then return answer('stale') end
note('reported', job_id, attempt, token, 'queued')
if job.status == 'cancelling' then
  end_job(job_id, job, 'cancelled')
  return answer('cancelled')
end
free_slots(job_id, job)
make_queued(job_id, job)
unblock_at_slots(job)
return answer('queued')
