-- Whether somebody will start a queued job; gives what is lacking, or nil.
--
-- Mended, a job that nobody would publish or miss is woken.
local function examine_wakeup(id, job, mend)
  if job.status ~= 'queued' then return nil end
  if job.parked_on then
    if redis.call('SISMEMBER', key_waited(), job.parked_on) == 1 then return nil end
    if mend then redis.call('SADD', key_waited(), job.parked_on) end
    return 'waited'
  end
  local published = redis.call('ZSCORE', key_outbox(), id)
  if published or redis.call('ZSCORE', key_awaiting(job.queue), id) then return nil end
  if mend then wake(id, job) end
  return 'wakeup'
end
