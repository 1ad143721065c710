-- The job's message is on its way; each check without news doubles the time to the next one.
local first_check_ms = 60000
local function await_message(id, job)
  local checks = math.min(tonumber(job.checks or 0), 6)
  redis.call('SADD', key_queues(), job.queue)
  redis.call('ZADD', key_awaiting(job.queue), now + first_check_ms * 2 ^ checks, id)
end
