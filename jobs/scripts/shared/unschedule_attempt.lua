-- The delivery waits for no attempt any more, and none is under way.
local function unschedule_attempt(id, delivery)
  redis.call('ZREM', key_deliveries(delivery.host), id)
  redis.call('ZREM', key_delivering(delivery.host), id)
  expect_host(delivery.host)
end
