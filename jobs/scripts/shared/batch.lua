-- batch: seals, completes and revives batches.
--
-- INCLUDES  event

-- Whether any job of the batch is active.
local function is_active_batch(id)
  for _, status in ipairs(ACTIVE) do
    if redis.call('EXISTS', key_batch_status(id, status)) == 1 then return true end
  end
  return false
end

-- Whether any final job of the batch still has its record.
local function has_ended_jobs(id)
  for _, status in ipairs(FINAL) do
    if redis.call('EXISTS', key_batch_status(id, status)) == 1 then return true end
  end
  return false
end

-- Complete a batch once it is sealed and none of its jobs is active, and queue its only event.
--
-- A batch is removed with its last job; one that never had any is kept for a day.
local jobless_batch_ms = 24 * 60 * 60 * 1000
local function complete_batch(id)
  local batch = key_batch(id)
  local known = redis.call(
    'HMGET', batch, 'sealed', 'ended_ms', 'tenant', 'callback', 'request_id', 'traceparent')
  if not known[1] or known[2] or is_active_batch(id) then return end
  redis.call('HSET', batch, 'ended_ms', whole(now))
  redis.call('PUBLISH', channel_events, id .. ' 1 completed ')
  queue_delivery({
    kind = 'batch', id = id, tenant = known[3],
    callback = known[4], request_id = known[5], traceparent = known[6],
  }, 'batch.completed')
  if not has_ended_jobs(id) then
    redis.call('HSET', batch, 'expires_ms', whole(now + jobless_batch_ms))
    for _, key in ipairs({batch, key_batch_items(id), key_batch_deliveries(id)}) do
      redis.call('PEXPIRE', key, jobless_batch_ms)
    end
  end
end

-- Keep the batch as long as its job that has just ended, and complete it with the last one.
local function end_in_batch(id, expires_ms)
  local batch = key_batch(id)
  local known = redis.call('HMGET', batch, 'tenant', 'expires_ms')
  if not known[1] then return end
  if tonumber(known[2] or 0) < tonumber(expires_ms) then
    redis.call('HSET', batch, 'expires_ms', expires_ms)
  end
  complete_batch(id)
end

-- Accept no more items for the batch, so that it can complete.
local function seal_batch(id)
  redis.call('ZREM', key_unsealed(), id)
  if redis.call('EXISTS', key_batch(id)) == 0 then return end
  redis.call('HSET', key_batch(id), 'sealed', '1')
  complete_batch(id)
end

-- Revive the batch of a recovered job; it then waits for its other lost jobs.
local function revive_batch(fields)
  local batch = key_batch(fields.batch_id)
  if redis.call('EXISTS', batch) == 0 then
    redis.call('HSET', batch, 'tenant', fields.tenant, 'created_ms', fields.created_ms, 'total', '0')
  elseif redis.call('HDEL', batch, 'ended_ms') == 1 then
    redis.call('HDEL', batch, 'sealed')
    redis.call('PERSIST', batch)
    redis.call('PERSIST', key_batch_items(fields.batch_id))
  end
  if not redis.call('HGET', batch, 'sealed') then
    redis.call('ZADD', key_unsealed(), now, fields.batch_id)
  end
end
