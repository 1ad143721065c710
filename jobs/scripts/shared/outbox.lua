-- outbox: wake-ups, and the queues in which jobs wait for a worker.
--
-- INCLUDES  none

-- Add the job to its queue; its position there is the base of its estimated start.
local function enqueue(id, job)
  redis.call('ZADD', key_queued(job.queue), job.rank, id)
end

-- Expect the job's message to arrive; each check without a claim doubles the delay of the next.
local first_check_ms = 60000
local function await_message(id, job)
  local checks = math.min(tonumber(job.checks or 0), 6)
  redis.call('SADD', key_queues(), job.queue)
  redis.call('ZADD', key_awaiting(job.queue), now + first_check_ms * 2 ^ checks, id)
end

-- Forget the job's message, which was delivered or is no longer needed: it is neither published nor
-- expected, and the job leaves its queue.
local function forget_wakeup(id, job)
  redis.call('ZREM', key_outbox(), id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  redis.call('ZREM', key_queued(job.queue), id)
end

-- Request a message for a queued job: the caller publishes it at once, or the relay if that fails.
local relay_grace_ms = 1000
local function wake(id, job)
  redis.call('HINCRBY', key_job(id), 'wakeup', 1)
  redis.call('ZADD', key_outbox(), now + relay_grace_ms, id)
  redis.call('ZREM', key_awaiting(job.queue), id)
  enqueue(id, job)
  woken[#woken + 1] = id
end

-- Return a queued job's position in its queue, from 1, and the number of running jobs.
local function position_in_queue(id, job)
  local before = redis.call('ZRANK', key_queued(job.queue), id)
  return before and before + 1, redis.call('ZCARD', key_leases())
end
