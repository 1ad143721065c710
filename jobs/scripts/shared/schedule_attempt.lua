-- Let the delivery wait for its next attempt; whoever had one under way has lost it.
local function schedule_attempt(id, delivery, next_ms)
  redis.call('HSET', key_delivery(id), 'status', 'pending', 'next_ms', whole(next_ms))
  redis.call('HDEL', key_delivery(id), 'token')
  redis.call('ZREM', key_delivering(delivery.host), id)
  redis.call('ZADD', key_deliveries(delivery.host), next_ms, id)
  expect_host(delivery.host)
end
