-- preempt_job: have a lease that runs out with its stopping worker count as no crash.
--
-- KEYS     record   hash  the job
-- ARGV     job_id   str
--          attempt  int
--          token    str
-- RETURNS  preempted | stale
-- EFFECT   changes
-- INCLUDES record, lease
--
-- It marks this attempt alone, and ends nothing: the lease holds until it is left or runs out.
local job = read_job(job_id)
if not job or not holds_fence(job, attempt, token) then return answer('stale') end
redis.call('HSET', record, 'preempted', whole(attempt))
note('preempted', job_id, attempt)
return answer('preempted')
