-- job: a job back in its queue, stopped or ended.
--
-- INCLUDES  record, outbox, slot, blocked, event, batch

-- Free the unique key, but only if it names this job.
local function release_unique(id, job)
  if not job.fingerprint then return end
  local unique = key_unique(job.tenant, job.operation, job.fingerprint)
  if redis.call('GET', unique) == id then redis.call('DEL', unique) end
end

-- What a run took, as a moving mean with a weight of one fifth for the newest, and how far runs
-- are from it, as for the timeouts of TCP (RFC 6298, section 2).
local function learn_duration(job)
  local stats = key_stats(job.operation)
  local took = now - tonumber(job.started_ms)
  local known = redis.call('HMGET', stats, 'mean_ms', 'spread_ms')
  local mean, spread = tonumber(known[1] or took), tonumber(known[2] or 0)
  spread = spread + (math.abs(took - mean) - spread) / 5
  redis.call('HINCRBY', stats, 'runs', 1)
  redis.call('HSET', stats, 'mean_ms', whole(mean + (took - mean) / 5), 'spread_ms', whole(spread))
end

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

-- End a job that does not run; tell one that runs, through the channel and by each heartbeat.
-- A forced one is ended at once where its operation's isolation allows that, and for good.
local function stop_job(id, job, forced)
  if IS_WAITING[job.status] then
    end_job(id, job, 'cancelled')
    return 'cancelled'
  end
  if job.status == 'running' then
    set_status(id, job, 'cancelling')
    announce(id, job)
  end
  if forced and not job.forced then
    job.forced = '1'
    redis.call('HSET', key_job(id), 'forced', '1')
  end
  redis.pcall('PUBLISH', channel_cancels, id)
  -- A message of its own: workers of older versions take the whole text for an id.
  if forced then redis.pcall('PUBLISH', channel_cancels, id .. ' force') end
  return 'cancelling'
end

-- The job may run now: from scheduled, or back from a worker.
local function make_queued(id, job)
  redis.call('ZREM', key_due(), id)
  redis.call('ZREM', key_leases(), id)
  set_status(id, job, 'queued')
  wake(id, job)
  announce(id, job)
end
