-- Have a message published for a queued job: the caller at once, the relay when that is lost.
local relay_grace_ms = 1000
local function wake(id, job)
  redis.call('HINCRBY', key_job(id), 'wakeup', 1)
  redis.call('ZADD', key_outbox(), now + relay_grace_ms, id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  enqueue(id, job)
  woken[#woken + 1] = id
end
