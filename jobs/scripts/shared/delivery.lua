-- delivery: one event on its way to a callback URL, scheduled by host.
--
-- INCLUDES  none

-- Read a delivery without its body; `rendered` is whether it has one. Returns nil without a record.
local function read_delivery(id)
  local names = {'kind', 'owner', 'host', 'url', 'status', 'token', 'recorded'}
  local values = redis.call('HMGET', key_delivery(id), unpack(names))
  if not values[1] then return nil end
  local delivery = {rendered = redis.call('HEXISTS', key_delivery(id), 'body') == 1}
  for i, name in ipairs(names) do delivery[name] = values[i] or nil end
  return delivery
end

-- Record when the next attempt to a host may begin: when a delivery is due or a lease ends.
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

-- Remove the delivery from the waiting and the leased deliveries of its host.
local function unschedule_attempt(id, delivery)
  redis.call('ZREM', key_deliveries(delivery.host), id)
  redis.call('ZREM', key_delivering(delivery.host), id)
  expect_host(delivery.host)
end

-- Schedule the delivery's next attempt; an attempt in progress loses its claim.
local function schedule_attempt(id, delivery, next_ms)
  redis.call('HSET', key_delivery(id), 'status', 'pending', 'next_ms', whole(next_ms))
  redis.call('HDEL', key_delivery(id), 'token')
  redis.call('ZREM', key_delivering(delivery.host), id)
  redis.call('ZADD', key_deliveries(delivery.host), next_ms, id)
  expect_host(delivery.host)
end

-- End a delivery; its record is kept for a week.
--
-- An undelivered one keeps its body, so that it can be resent.
local ended_kept_ms = 7 * 24 * 60 * 60 * 1000
local function end_delivery(id, delivery, status)
  unschedule_attempt(id, delivery)
  redis.call('HSET', key_delivery(id), 'status', status)
  redis.call('HDEL', key_delivery(id), 'token', 'next_ms')
  if status == 'delivered' then redis.call('HDEL', key_delivery(id), 'body') end
  redis.call('PEXPIRE', key_delivery(id), ended_kept_ms)
end

-- Stop all pending deliveries of the same owner to the same URL.
local function stop_deliveries(delivery)
  local list = delivery.kind == 'batch' and key_batch_deliveries(delivery.owner)
    or key_job_deliveries(delivery.owner)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local other = read_delivery(id)
    if other and other.status == 'pending' and other.url == delivery.url then
      end_delivery(id, other, 'stopped')
    end
  end
end
