-- purge_expired: remove the final jobs whose time to live is over.
--
-- KEYS     expiry       zset  ended jobs by purge time
-- ARGV     most         int   how many at once
--          patience_ms  int   how long an ended job waits for its callbacks to be written down
-- RETURNS  purged
-- EFFECT   changes
-- INCLUDES record, purge
--
-- A job that a callback is still to be made from is put off. Removes tombstones that no message can
-- need any more, too. Adds how many jobs went.
local put_off_ms = 60 * 60 * 1000
local gone = 0
for _, id in ipairs(redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local job = read_job(id)
  if not job or not is_final(job) then
    redis.call('ZREM', expiry, id)
  elseif now < tonumber(job.finished_ms) + patience_ms and awaits_rendering(key_job_deliveries(id)) then
    redis.call('ZADD', expiry, now + put_off_ms, id)
  else
    purge_record(id, job, true)
    gone = gone + 1
  end
end
redis.call('ZREMRANGEBYSCORE', key_tombstones(), '-inf', now)
return answer('purged', gone)
