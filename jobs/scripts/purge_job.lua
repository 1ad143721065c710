-- purge_job: remove one final job permanently.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
-- RETURNS  purged | active | missing
-- EFFECT   changes
-- INCLUDES record, purge
--
-- Leaves a tombstone, so that no late message recovers the job.
local job = read_job(job_id)
if not job then return answer('missing') end
if not is_final(job) then return answer('active') end
purge_record(job_id, job)
return answer('purged')
