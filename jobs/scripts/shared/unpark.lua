local function unpark(id, job)
  if not job.parked_on then return end
  redis.call('ZREM', key_waiting(job.parked_on), id)
  note('unblocked', id, job.parked_on)
  redis.call('HDEL', key_job(id), 'parked_on')
  job.parked_on = nil
end
