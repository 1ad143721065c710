-- No attempt follows; what is known of the delivery is kept for a week.
--
-- One that was not delivered keeps its body, for whoever sends it again.
local ended_kept_ms = 7 * 24 * 60 * 60 * 1000
local function end_delivery(id, delivery, status)
  unschedule_attempt(id, delivery)
  redis.call('HSET', key_delivery(id), 'status', status)
  redis.call('HDEL', key_delivery(id), 'token', 'next_ms')
  if status == 'delivered' then redis.call('HDEL', key_delivery(id), 'body') end
  redis.call('PEXPIRE', key_delivery(id), ended_kept_ms)
end
