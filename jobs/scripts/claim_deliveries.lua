-- claim_deliveries: lease due deliveries to one webhook dispatcher.
--
-- KEYS     hosts     zset  hosts by the time at which their next attempt may begin
-- ARGV     token     str   drawn by the dispatcher for this claim
--          most      int   maximum number of deliveries per call
--          per_host  int   maximum number of concurrent attempts to one host
--          lease_ms  int   how long an attempt may take
-- RETURNS  claimed
-- EFFECT   changes
-- INCLUDES delivery
--
-- No delivery is attempted twice at the same time, unless a lease has expired. A host with its
-- maximum of attempts is skipped until one of them ends, so no host delays another. An attempt
-- counts as soon as it is claimed. Also returns a list of {id, fields}.
local max_hosts = 100
local found = {}
for _, host in ipairs(redis.call('ZRANGE', hosts, '-inf', now, 'BYSCORE', 'LIMIT', 0, max_hosts)) do
  if #found >= most then break end
  local under_way = key_delivering(host)
  for _, id in ipairs(redis.call('ZRANGE', under_way, '-inf', now, 'BYSCORE')) do
    schedule_attempt(id, {host = host}, now)
  end
  local places = per_host - redis.call('ZCARD', under_way)
  local takes = math.max(0, math.min(places, most - #found))
  local due = takes > 0
    and redis.call('ZRANGE', key_deliveries(host), '-inf', now, 'BYSCORE', 'LIMIT', 0, takes) or {}
  for _, id in ipairs(due) do
    redis.call('ZREM', key_deliveries(host), id)
    redis.call('ZADD', under_way, now + lease_ms, id)
    redis.call('HSET', key_delivery(id), 'token', token)
    redis.call('HINCRBY', key_delivery(id), 'attempts', 1)
    found[#found + 1] = {id, redis.call('HGETALL', key_delivery(id))}
  end
  expect_host(host)
  if #due >= places then
    local first_end = redis.call('ZRANGE', under_way, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', hosts, first_end, host)
  end
end
return answer('claimed', found)
