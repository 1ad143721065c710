-- Queue the event of what the job is now, if it asked for that.
local function queue_job_delivery(id, job)
  local said = redis.call('HMGET', key_text(id), 'callback', 'request_id', 'traceparent')
  if not said[1] then return end
  queue_delivery({
    kind = 'job', id = id, tenant = job.tenant,
    callback = said[1], request_id = said[2], traceparent = said[3],
  }, 'job.' .. job.status)
end
