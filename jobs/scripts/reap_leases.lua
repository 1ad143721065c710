-- reap_leases: end expired leases, and queue or end their jobs.
--
-- KEYS     leases    zset  running jobs by lease end
-- ARGV     lease_ms  int   the length of a lease
--          most      int   maximum number of leases per call
--          error     str   worker_lost, as JSON
-- RETURNS  reaped | away
-- EFFECT   changes
-- INCLUDES record, lease, slot, blocked, acquire, job
--
-- A lease ends only here or with its job's run. If this script has not run for half a lease, the
-- workers may have been cut off from Redis, too: every lease is extended once, and none counts as a
-- crash. If the Redis clock was set back, times that were near are near again. A preempted attempt
-- is no crash. Also returns the number of leases that ended.
local last = tonumber(redis.call('HGET', key_ticks(), 'reap') or 0)
redis.call('HSET', key_ticks(), 'reap', whole(now))
if math.abs(now - last) > lease_ms / 2 then
  local set_back = last > now
  local latest = set_back and '+inf' or now + lease_ms
  for _, id in ipairs(redis.call('ZRANGE', leases, '-inf', latest, 'BYSCORE')) do
    redis.call('ZADD', leases, now + lease_ms, id)
    note('extended', id, now + lease_ms)
  end
  if set_back then bring_forward({key_outbox(), key_reservations(), key_depending()}, last) end
  return answer('away', 0)
end
local ids = redis.call('ZRANGE', leases, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do
  local job = read_job(id)
  redis.call('ZREM', leases, id)
  note('reaped', id, job and job.attempt)
  if job and IS_HOLDING[job.status] then
    local counted = job.preempted == job.attempt and 0 or 1
    local crashes = redis.call('HINCRBY', key_job(id), 'crashes', counted)
    redis.call('HDEL', key_job(id), 'token', 'preempted')
    if job.status == 'cancelling' then
      end_job(id, job, 'cancelled')
    elseif counted == 1 and crashes >= tonumber(job.max_crashes) then
      redis.call('HSET', key_text(id), 'error', error)
      end_job(id, job, 'failed')
    else
      free_slots(id, job)
      make_queued(id, job)
      unblock_at_slots(job)
    end
  end
end
return answer('reaped', #ids)
