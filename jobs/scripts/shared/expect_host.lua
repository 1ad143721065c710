-- Keep when a next attempt to a host may begin: its first delivery is due, or a lease ends.
local function expect_host(host)
  local next_ms
  for _, key in ipairs({key_deliveries(host), key_delivering(host)}) do
    local first = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if first and (not next_ms or first < next_ms) then next_ms = first end
  end
  if next_ms then
    redis.call('ZADD', key_delivery_hosts(), next_ms, host)
  else
    redis.call('ZREM', key_delivery_hosts(), host)
  end
end
