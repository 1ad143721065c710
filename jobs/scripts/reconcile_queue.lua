-- reconcile_queue: wake the jobs of one queue whose messages RabbitMQ lost.
--
-- KEYS     awaiting  zset  jobs whose message is confirmed, by their next check
-- ARGV     queue     str
--          ready     int   number of messages in the queue
--          most      int   maximum number of jobs per call
-- RETURNS  reconciled
-- EFFECT   changes
-- INCLUDES record, outbox
--
-- A long backlog is not a loss: jobs are woken only while the queue has fewer messages than jobs
-- that await one. Also returns the number of jobs woken.
local lost = redis.call('ZCARD', awaiting) - ready
local count = 0
for _, id in ipairs(redis.call('ZRANGE', awaiting, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local job = read_job(id)
  if not job or job.status ~= 'queued' or job.queue ~= queue then
    redis.call('ZREM', awaiting, id)
    redis.call('ZREM', key_queued(queue), id)
  else
    job.checks = redis.call('HINCRBY', key_job(id), 'checks', 1)
    if count < lost then
      wake(id, job)
      count = count + 1
    else
      await_message(id, job)
    end
  end
end
return answer('reconciled', count)
