-- A job comes back that Redis had lost: so does its batch, which waits for others of them.
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
