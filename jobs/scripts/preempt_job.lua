-- preempt_job: mark an attempt so that it is no crash if its lease expires after its worker stops.
--
-- KEYS     record   hash  the job
-- ARGV     job_id   str
--          attempt  int
--          token    str
-- RETURNS  preempted | stale
-- EFFECT   changes
-- INCLUDES record, lease
--
-- Marks only this attempt and ends nothing: the lease is valid until it is released or expires.
local job = read_job(job_id)
if not job or not holds_fence(job, attempt, token) then return answer('stale') end
redis.call('HSET', record, 'preempted', whole(attempt))
note('preempted', job_id, attempt)
return answer('preempted')
