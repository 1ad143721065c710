-- Whether somebody will start a queued job; gives what is lacking, or nil.
--
-- Repaired, a job that nobody would publish or miss is woken.
local function examine_wakeup(id, job, repair)
  if job.status ~= 'queued' then return nil end
  if job.blocked_on then
    if redis.call('SISMEMBER', key_waited(), job.blocked_on) == 1 then return nil end
    if repair then redis.call('SADD', key_waited(), job.blocked_on) end
    return 'waited'
  end
  local published = redis.call('ZSCORE', key_outbox(), id)
  if published or redis.call('ZSCORE', key_awaiting(job.queue), id) then return nil end
  if repair then wake(id, job) end
  return 'wakeup'
end
