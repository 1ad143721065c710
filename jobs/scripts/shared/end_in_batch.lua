-- A job of a batch has ended: the batch is kept as long as it is, and ends with its last one.
local function end_in_batch(id, expires_ms)
  local batch = key_batch(id)
  local known = redis.call('HMGET', batch, 'tenant', 'expires_ms')
  if not known[1] then return end
  if tonumber(known[2] or 0) < tonumber(expires_ms) then
    redis.call('HSET', batch, 'expires_ms', expires_ms)
  end
  complete_batch(id)
end
