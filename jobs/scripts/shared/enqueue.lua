-- Let the job stand in its queue's line, where its place says how long it will wait.
local function enqueue(id, job)
  redis.call('ZADD', key_queued(job.queue), job.rank, id)
end
