-- Let the job stand in its queue, where its position says how long it will wait.
local function enqueue(id, job)
  redis.call('ZADD', key_queued(job.queue), job.rank, id)
end
