-- Let the job wait, at its rank and holding nothing, at one slot that it lacks.
local function block(id, job, slot)
  unblock(id, job)
  forget_wakeup(id, job)
  redis.call('ZADD', key_waiting(slot), job.rank, id)
  redis.call('SADD', key_waited(), slot)
  redis.call('HSET', key_job(id), 'blocked_on', slot)
  job.blocked_on = slot
  note('blocked', id, slot, slots_of(job))
end
