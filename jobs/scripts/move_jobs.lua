-- move_jobs: move the jobs of an operation to the queue that it has now.
--
-- KEYS     active    zset  the operation's active jobs by creation
-- ARGV     queue     str   the operation's queue
--          consumed  json  queues from which a live worker consumes
--          begin     int   index of the first job, from 0
--          most      int   maximum number of jobs examined per call
-- RETURNS  moved
-- EFFECT   changes
-- INCLUDES record, outbox
--
-- A job stays in a queue from which a live worker consumes. A job that waits for a worker is woken
-- in its new queue. Also returns the number of jobs moved and the index of the next call; 0 at the
-- end.
local is_consumed, count = {}, 0
for _, name in ipairs(consumed) do is_consumed[name] = true end
local ids = redis.call('ZRANGE', active, begin, begin + most - 1)
for _, id in ipairs(ids) do
  local known = redis.call('HGET', key_job(id), 'queue')
  if known and known ~= queue and not is_consumed[known] then
    local job = read_job(id)
    local waits = job.status == 'queued' and not job.blocked_on
    if waits then forget_wakeup(id, job) end
    redis.call('HSET', key_job(id), 'queue', queue)
    job.queue = queue
    if waits then wake(id, job) end
    count = count + 1
  end
end
return answer('moved', count, #ids == most and begin + most or 0)
