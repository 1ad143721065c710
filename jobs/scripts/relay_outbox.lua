-- relay_outbox: name the jobs whose message nobody has published in time.
--
-- KEYS     outbox    zset  jobs to be woken
-- ARGV     most      int   how many at once
--          again_ms  int   when to try those again that do not get confirmed
-- RETURNS  relayed
-- EFFECT   changes
-- INCLUDES none
--
-- Entries stay until they are confirmed, so a relay that dies loses nothing. The jobs stand in
-- the list of jobs to wake.
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
