-- check_dependencies: compare jobs that wait for others with those.
--
-- KEYS     depending  zset  jobs that wait for others, by their next check
-- ARGV     most       int   how many jobs at once
--          most_jobs  int   stop after this many jobs, with those that they wait for
-- RETURNS  checked
-- EFFECT   changes
-- INCLUDES record, depending
--
-- A waiting job that was not told of an end is told now. A job whose record Redis lost counts as lost
-- after five minutes, in which its message may recover it. Adds how many waiting jobs were checked.
local looked, counted = 0, 0
for _, id in ipairs(redis.call('ZRANGE', depending, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  if looked >= most_jobs then break end
  local job = read_job(id)
  looked, counted = looked + 1 + redis.call('ZCARD', key_dependencies(id)), counted + 1
  if job and job.depending then
    check_dependencies(id, job)
  else
    redis.call('ZREM', depending, id)
  end
end
return answer('checked', counted)
