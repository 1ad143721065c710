-- outbox: wake-ups, and the queues in which jobs wait for a worker.
--
-- INCLUDES  none

-- Let the job stand in its queue, where its position says how long it will wait.
local function enqueue(id, job)
  redis.call('ZADD', key_queued(job.queue), job.rank, id)
end

-- The job's message is on its way; each check without news doubles the time to the next one.
local first_check_ms = 60000
local function await_message(id, job)
  local checks = math.min(tonumber(job.checks or 0), 6)
  redis.call('SADD', key_queues(), job.queue)
  redis.call('ZADD', key_awaiting(job.queue), now + first_check_ms * 2 ^ checks, id)
end

-- The job's message is spent or no longer wanted: nobody has to publish or miss it, and it
-- waits in no queue.
local function forget_wakeup(id, job)
  redis.call('ZREM', key_outbox(), id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  redis.call('ZREM', key_queued(job.queue), id)
end

-- Have a message published for a queued job: the caller at once, the relay when that is lost.
local relay_grace_ms = 1000
local function wake(id, job)
  redis.call('HINCRBY', key_job(id), 'wakeup', 1)
  redis.call('ZADD', key_outbox(), now + relay_grace_ms, id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  enqueue(id, job)
  woken[#woken + 1] = id
end

-- Which place a queued job has among those that wait for a worker, from 1, and how many jobs run.
local function position_in_queue(id, job)
  local before = redis.call('ZRANK', key_queued(job.queue), id)
  return before and before + 1, redis.call('ZCARD', key_leases())
end
