-- move_jobs: let the jobs of an operation wait in the queue that it has now.
--
-- KEYS     active  zset  its active jobs by creation
-- ARGV     queue   str   the one that it has
--          heard   json  queues to which a living worker listens
--          begin   int   which of the jobs comes first, from 0
--          most    int   how many are looked at
-- RETURNS  moved
-- EFFECT   changes
-- INCLUDES record, outbox
--
-- A job stays where somebody listens. One that waits for a worker is woken in its new queue. Adds
-- how many were moved, and where to go on; 0 at the end.
local listens, count = {}, 0
for _, name in ipairs(heard) do listens[name] = true end
local ids = redis.call('ZRANGE', active, begin, begin + most - 1)
for _, id in ipairs(ids) do
  local known = redis.call('HGET', key_job(id), 'queue')
  if known and known ~= queue and not listens[known] then
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
