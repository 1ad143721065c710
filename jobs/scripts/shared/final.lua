-- final: ends a job and frees everything that it held.
--
-- INCLUDES  record, outbox, slot, turn, blocked, event, batch, dependency

-- Free the unique key, but only if it names this job.
local function release_unique(id, job)
  if not job.fingerprint then return end
  local unique = key_unique(job.tenant, job.operation, job.fingerprint)
  if redis.call('GET', unique) == id then redis.call('DEL', unique) end
end

-- Update the moving mean of the operation's run times, with a weight of one fifth for the newest,
-- and their mean deviation, as for the timeouts of TCP (RFC 6298, section 2).
local function learn_duration(job)
  local stats = key_stats(job.operation)
  local took = now - tonumber(job.started_ms)
  local known = redis.call('HMGET', stats, 'mean_ms', 'spread_ms')
  local mean, spread = tonumber(known[1] or took), tonumber(known[2] or 0)
  spread = spread + (math.abs(took - mean) - spread) / 5
  redis.call('HINCRBY', stats, 'runs', 1)
  redis.call('HSET', stats, 'mean_ms', whole(mean + (took - mean) / 5), 'spread_ms', whole(spread))
end

-- Set a job's final status, free everything that it held, and unblock others. Its dependents learn
-- of it only from `end_job`.
local function finalize_job(id, job, status)
  release_unique(id, job)
  forget_wakeup(id, job)
  unblock(id, job)
  free_slots(id, job)
  forget_dependencies(id, job)
  redis.call('ZREM', key_active(), id)
  redis.call('ZREM', key_active_operation(job.operation), id)
  forget_turn(id, job)
  redis.call('ZREM', key_due(), id)
  redis.call('ZREM', key_leases(), id)
  if job.saved then
    redis.call('DEL', key_saved(id))
    redis.call('HDEL', key_job(id), 'saved')
  end
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
