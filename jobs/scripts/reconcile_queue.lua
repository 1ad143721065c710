-- reconcile_queue: wake the jobs of one queue whose messages RabbitMQ lost.
--
-- KEYS     awaiting  zset  jobs whose message is confirmed, by their next check
-- ARGV     queue     str
--          ready     int   messages that wait in the queue
--          most      int   how many at once
-- RETURNS  reconciled
-- EFFECT   changes
-- INCLUDES record, outbox
--
-- A long backlog is not a loss: jobs are woken only while the queue holds fewer messages than
-- jobs await. Adds how many were woken.
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
