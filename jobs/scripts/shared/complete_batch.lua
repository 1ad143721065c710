-- End a batch once it is sealed and none of its jobs is active, and queue its one event.
--
-- It goes with the last of its jobs; one that never had any is kept for a day.
local jobless_batch_ms = 24 * 60 * 60 * 1000
local function complete_batch(id)
  local batch = key_batch(id)
  local said = redis.call(
    'HMGET', batch, 'sealed', 'ended_ms', 'tenant', 'callback', 'request_id', 'traceparent')
  if not said[1] or said[2] or is_active_batch(id) then return end
  redis.call('HSET', batch, 'ended_ms', whole(now))
  redis.call('PUBLISH', channel_events, id .. ' 1 completed ')
  queue_delivery({
    kind = 'batch', id = id, tenant = said[3],
    callback = said[4], request_id = said[5], traceparent = said[6],
  }, 'batch.completed')
  if not has_ended_jobs(id) then
    redis.call('HSET', batch, 'expires_ms', whole(now + jobless_batch_ms))
    for _, key in ipairs({batch, key_batch_items(id), key_batch_deliveries(id)}) do
      redis.call('PEXPIRE', key, jobless_batch_ms)
    end
  end
end
