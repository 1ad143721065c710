-- unblock_jobs: reserve free places for blocked jobs, and revoke reservations that no worker claimed.
--
-- KEYS     waited  set  slots that may have blocked jobs
-- ARGV     most    int  maximum number of lapsed reservations per call
-- RETURNS  unblocked
-- EFFECT   changes
-- INCLUDES record, lease, slot, blocked
--
-- A lapsed job waits again at its rank, but yields to others for ten times as long as it held its
-- reservation. While no thread is free, no reservation lapses: no other job could use its places.
-- Also returns the number of lapsed reservations.
local lapsed = redis.call('ZRANGE', key_reservations(), '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local free = free_threads()
local revoked = {}
for _, id in ipairs(lapsed) do
  local job = read_job(id)
  if not job or job.status ~= 'queued' then
    redis.call('ZREM', key_reservations(), id)
  elseif free and free < 1 then
    redis.call('ZADD', key_reservations(), now + reservation_of(job), id)
  else
    pass_over(id, job)
    free_slots(id, job)
    block(id, job, 'operation:' .. job.operation)
    announce(id, job)
    revoked[#revoked + 1] = job
  end
end
for _, job in ipairs(revoked) do unblock_at_slots(job) end
for _, slot in ipairs(redis.call('SMEMBERS', waited)) do
  unblock_next(slot)
  if redis.call('ZCARD', key_waiting(slot)) == 0 then redis.call('SREM', waited, slot) end
end
return answer('unblocked', #revoked)
