-- check_dependencies: compare depending jobs with their dependencies.
--
-- KEYS     depending  zset  depending jobs by their next check
-- ARGV     most       int   maximum number of depending jobs per call
--          max_jobs  int   maximum number of jobs read per call, dependencies included
-- RETURNS  checked
-- EFFECT   changes
-- INCLUDES record, depending
--
-- A depending job that missed the end of a dependency is told now. A dependency without a record
-- counts as lost after five minutes; until then its message may recover it. Also returns the
-- number of depending jobs checked.
local looked, counted = 0, 0
for _, id in ipairs(redis.call('ZRANGE', depending, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  if looked >= max_jobs then break end
  local job = read_job(id)
  looked, counted = looked + 1 + redis.call('ZCARD', key_dependencies(id)), counted + 1
  if job and job.depending then
    check_dependencies(id, job)
  else
    redis.call('ZREM', depending, id)
  end
end
return answer('checked', counted)
