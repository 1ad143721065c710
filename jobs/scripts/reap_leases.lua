-- reap_leases: end the leases that ran out, and hand their jobs on.
--
-- KEYS     leases    zset  running jobs by lease end
-- ARGV     lease_ms  int   the length of a lease
--          most      int   how many at once
--          error     str   worker_lost, as JSON
-- RETURNS  reaped | away
--
-- A lease ends here and nowhere else but with its job's run. After half a lease without a tick
-- everybody was away: every lease is extended once and nothing is counted. Adds how many ended.
local last = tonumber(redis.call('HGET', key_ticks(), 'reap') or 0)
redis.call('HSET', key_ticks(), 'reap', whole(now))
if now - last > lease_ms / 2 then
  for _, id in ipairs(redis.call('ZRANGE', leases, '-inf', now + lease_ms, 'BYSCORE')) do
    redis.call('ZADD', leases, now + lease_ms, id)
    note('extended', id, now + lease_ms)
  end
  return answer('away', 0)
end
local ids = redis.call('ZRANGE', leases, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do
  local job = read_job(id)
  redis.call('ZREM', leases, id)
  note('reaped', id, job and job.attempt)
  if job and (job.status == 'running' or job.status == 'cancelling') then
    local crashes = redis.call('HINCRBY', key_job(id), 'crashes', 1)
    redis.call('HDEL', key_job(id), 'token')
    if job.status == 'cancelling' then
      end_job(id, job, 'cancelled')
    elseif crashes >= tonumber(job.max_crashes) then
      redis.call('HSET', key_text(id), 'error', error)
      end_job(id, job, 'failed')
    else
      free_slots(id, job)
      make_queued(id, job)
      hand_over_slots(job)
    end
  end
end
return answer('reaped', #ids)
