-- relay_outbox: name the jobs whose message was not published and confirmed in time.
--
-- KEYS     outbox    zset  jobs whose wake-up is unconfirmed
-- ARGV     most      int   maximum number of jobs per call
--          again_ms  int   how long to wait for a confirm before the next try
-- RETURNS  relayed
-- EFFECT   changes
-- INCLUDES none
--
-- Entries stay until they are confirmed, so a relay that dies loses nothing. The answer's list of
-- jobs to wake contains the jobs.
local due = redis.call('ZRANGE', outbox, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(due) do
  if redis.call('HGET', key_job(id), 'status') == 'queued' then
    redis.call('ZADD', outbox, now + again_ms, id)
    woken[#woken + 1] = id
  else
    redis.call('ZREM', outbox, id)
  end
end
return answer('relayed')
