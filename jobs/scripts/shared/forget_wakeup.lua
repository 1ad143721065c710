-- The job's message is spent or no longer wanted: nobody has to publish or miss it, and it
-- waits in no queue.
local function forget_wakeup(id, job)
  redis.call('ZREM', key_outbox(), id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  redis.call('ZREM', key_queued(job.queue), id)
end
