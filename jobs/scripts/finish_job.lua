-- finish_job: record a run's outcome and the final status in one step.
--
-- KEYS     record        hash   the job
-- ARGV     job_id        str
--          attempt       int
--          token         str
--          outcome       str    succeeded | failed
--          result        bytes  encoded result; empty for a failure
--          result_bytes  int    its size before compression
--          error         str    the error as JSON; empty for a success
-- RETURNS  finished | stale | ended | missing
--
-- At most one attempt's outcome is ever recorded. A repeat by the same attempt answers as the
-- first time. A job that was asked to stop ends cancelled, and its late result is dropped.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then
  local mine = tonumber(job.attempt) == attempt and job.token == token
  return answer(mine and 'finished' or 'ended')
end
if not holds_fence(job, attempt, token) then return answer('stale') end
if job.status == 'cancelling' then
  end_job(job_id, job, 'cancelled')
  return answer('finished')
end
if outcome == 'succeeded' then
  redis.call('SET', key_result(job_id), result)
  redis.call('HSET', record, 'result_bytes', result_bytes, 'percent', '100')
  redis.call('HDEL', key_text(job_id), 'error')
  job.percent = '100'
else
  redis.call('HSET', key_text(job_id), 'error', error)
end
end_job(job_id, job, outcome)
return answer('finished')
