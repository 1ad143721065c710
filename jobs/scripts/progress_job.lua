-- progress_job: record a running job's progress and log lines.
--
-- KEYS     record      hash  the job
-- ARGV     job_id      str
--          attempt     int
--          token       str
--          fields      json  percent, current, total: strings, only those that changed
--          step        str   the current step; empty if it has not changed
--          lines       json  log lines
--          max_lines  int   maximum size of the log
--          max_bytes  int
-- RETURNS  recorded | stale
-- EFFECT   changes
-- INCLUDES record, lease
--
-- Only the attempt that holds the lease can write.
local job = read_job(job_id)
if not job or not holds_fence(job, attempt, token) then return answer('stale') end
for name, value in pairs(fields) do
  redis.call('HSET', record, name, value)
  job[name] = value
end
if step ~= '' then redis.call('HSET', key_text(job_id), 'step', step) end
append_log(job_id, lines, max_lines, max_bytes)
announce(job_id, job)
return answer('recorded')
