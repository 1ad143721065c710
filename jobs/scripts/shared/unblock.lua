local function unblock(id, job)
  if not job.blocked_on then return end
  redis.call('ZREM', key_waiting(job.blocked_on), id)
  note('unblocked', id, job.blocked_on)
  redis.call('HDEL', key_job(id), 'blocked_on')
  job.blocked_on = nil
end
