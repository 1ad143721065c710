-- excuse_job: have a lease that runs out with its stopping worker count as no crash.
--
-- KEYS     record   hash  the job
-- ARGV     job_id   str
--          attempt  int
--          token    str
-- RETURNS  excused | stale
--
-- It excuses this attempt alone, and ends nothing: the lease holds until it is left or runs out.
local job = read_job(job_id)
if not job or not holds_fence(job, attempt, token) then return answer('stale') end
redis.call('HSET', record, 'excused', whole(attempt))
note('excused', job_id, attempt)
return answer('excused')
