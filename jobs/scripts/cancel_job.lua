-- cancel_job: end a job that does not run, ask one that runs to stop.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
-- RETURNS  cancelled | cancelling | ended | missing
--
-- A job that no worker runs is final at once, wherever its message is. One that runs is told
-- through the channel and again by each heartbeat; every way out of cancelling ends it cancelled.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then return answer('ended') end
if job.status == 'scheduled' or job.status == 'queued' then
  end_job(job_id, job, 'cancelled')
  return answer('cancelled')
end
if job.status == 'running' then
  set_status(job_id, job, 'cancelling')
  announce(job_id, job)
end
redis.call('PUBLISH', channel_cancels, job_id)
return answer('cancelling')
