-- promote_due: queue the scheduled jobs whose time has come.
--
-- KEYS     due   zset  scheduled jobs by time
-- ARGV     most  int   maximum number of jobs per call
-- RETURNS  promoted
-- EFFECT   changes
-- INCLUDES record, acquire
--
-- Each job is promoted once, however many housekeepers run. A depending job is not promoted. Also
-- returns the number of due jobs.
local ids = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do
  local job = read_job(id)
  if job and job.status == 'scheduled' and not job.depending then
    make_queued(id, job)
  else
    redis.call('ZREM', due, id)
  end
end
return answer('promoted', #ids)
