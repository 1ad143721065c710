-- Which place a queued job has among those that wait for a worker, from 1, and how many jobs run.
local function position_in_queue(id, job)
  local before = redis.call('ZRANK', key_queued(job.queue), id)
  return before and before + 1, redis.call('ZCARD', key_leases())
end
