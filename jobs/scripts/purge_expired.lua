-- purge_expired: remove the final jobs whose time to live has passed.
--
-- KEYS     expiry       zset  final jobs by purge time
-- ARGV     most         int   maximum number of jobs per call
--          patience_ms  int   how long a final job waits for the bodies of its callbacks
-- RETURNS  purged
-- EFFECT   changes
-- INCLUDES record, purge
--
-- A job that a callback still needs is postponed. Also removes tombstones that no message can need
-- any more, and returns the number of jobs purged.
local postponed_ms = 60 * 60 * 1000
local gone = 0
for _, id in ipairs(redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local job = read_job(id)
  if not job or not is_final(job) then
    redis.call('ZREM', expiry, id)
  elseif now < tonumber(job.finished_ms) + patience_ms and awaits_rendering(key_job_deliveries(id)) then
    redis.call('ZADD', expiry, now + postponed_ms, id)
  else
    purge_record(id, job, true)
    gone = gone + 1
  end
end
redis.call('ZREMRANGEBYSCORE', key_tombstones(), '-inf', now)
return answer('purged', gone)
