-- finish_job: record a run's outcome and the final status in one step.
--
-- KEYS     record        hash   the job
-- ARGV     job_id        str
--          attempt       int
--          token         str
--          outcome       str    succeeded | failed
--          result        bytes  encoded result; empty for a failure
--          result_bytes  int    size of the result before compression
--          result_file   str    the file that holds the result instead; empty for none
--          files         json   ids of the files to which the result refers
--          error         str    the error as JSON; empty for a success
-- RETURNS  finished | stale | ended | missing | lost
-- EFFECT   changes
-- INCLUDES record, lease, file, job
--
-- At most one attempt's outcome is ever recorded, in one step with the job's use of its files. A
-- repeat by the same attempt gets the same answer. A job that was asked to stop ends cancelled,
-- and its late result is dropped. 'lost' means that a file is missing; nothing has changed.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then
  local mine = tonumber(job.attempt) == attempt and job.token == token
  return answer(mine and 'finished' or 'ended')
end
if not holds_fence(job, attempt, token) then return answer('stale') end
note('reported', job_id, attempt, token, outcome)
local used = {unpack(files)}
if result_file ~= '' then used[#used + 1] = result_file end
if job.status == 'cancelling' then
  end_job(job_id, job, 'cancelled')
  drop_files(used)
  return answer('finished')
end
if outcome == 'succeeded' then
  if #used > 0 then
    local all = cjson.encode(used)
    if missing_file(job.tenant, all) then return answer('lost') end
    use_files(job_id, all)
  end
  if #files > 0 then redis.call('HSET', key_text(job_id), 'result_files', cjson.encode(files)) end
  if result_file ~= '' then
    redis.call('HSET', record, 'result_file', result_file)
  else
    redis.call('SET', key_result(job_id), result)
  end
  redis.call('HSET', record, 'result_bytes', result_bytes, 'percent', '100')
  redis.call('HDEL', key_text(job_id), 'error')
  job.percent = '100'
else
  redis.call('HSET', key_text(job_id), 'error', error)
end
end_job(job_id, job, outcome)
return answer('finished')
