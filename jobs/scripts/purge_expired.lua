-- purge_expired: remove the final jobs whose time to live is over.
--
-- KEYS     expiry  zset  ended jobs by purge time
-- ARGV     most    int   how many at once
-- RETURNS  purged
--
-- Removes tombstones that no message can need any more, too. Adds how many jobs went.
local ids = redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do
  local job = read_job(id)
  if job and is_final(job) then purge_record(id, job) else redis.call('ZREM', expiry, id) end
end
redis.call('ZREMRANGEBYSCORE', key_tombstones(), '-inf', now)
return answer('purged', #ids)
