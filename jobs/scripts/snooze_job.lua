-- snooze_job: postpone a job whose operation or format this worker does not know.
--
-- KEYS     record      hash  the job
-- ARGV     job_id       str
--          delay_ms     int   until its message is published again
--          patience_ms  int   how long the job waits for a worker that knows the operation
--          error        str   unknown-operation, as JSON
-- RETURNS  snoozed | failed | taken | ended | missing
-- EFFECT   changes
-- INCLUDES record, outbox, job
--
-- The job fails only if no live worker has known its operation for `patience_ms`. Until one does,
-- the delay doubles up to half a minute, so that many such jobs cause little load.
local known_within_ms, max_delay_ms = 30000, 30000
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then return answer('ended') end
if job.status ~= 'queued' or job.blocked_on then return answer('taken') end
local known = tonumber(redis.call('ZSCORE', key_operations(), job.operation) or 0)
local since = math.max(
  known, tonumber(job.created_ms), tonumber(job.scheduled_ms or 0), tonumber(job.ready_ms or 0))
if since + patience_ms < now then
  redis.call('HSET', key_text(job_id), 'error', error)
  end_job(job_id, job, 'failed')
  return answer('failed')
end
local delay, snoozes = delay_ms, redis.call('HINCRBY', record, 'snoozes', 1)
if known + known_within_ms < now then
  delay = math.min(max_delay_ms, delay_ms * 2 ^ math.min(snoozes - 1, 6))
end
wake(job_id, job)
redis.call('ZADD', key_outbox(), now + delay, job_id)
woken[#woken] = nil
return answer('snoozed')
