-- The one way to a final status. It frees everything the job held and hands the places on.
local function end_job(id, job, status)
  release_unique(id, job)
  forget_wakeup(id, job)
  unblock(id, job)
  free_slots(id, job)
  redis.call('ZREM', key_active(), id)
  redis.call('ZREM', key_active_operation(job.operation), id)
  redis.call('ZREM', key_due(), id)
  redis.call('ZREM', key_leases(), id)
  if status == 'succeeded' then learn_duration(job) end
  local expires = whole(now + tonumber(job.result_ttl_ms))
  redis.call('ZADD', key_expiry(), expires, id)
  redis.call('HSET', key_job(id), 'finished_ms', whole(now), 'expires_ms', expires)
  set_status(id, job, status)
  queue_job_delivery(id, job)
  if job.batch_id then end_in_batch(job.batch_id, expires) end
  announce(id, job)
  unblock_at_slots(job)
end
