-- The batch takes no more jobs, so that it can end.
local function seal_batch(id)
  redis.call('ZREM', key_unsealed(), id)
  if redis.call('EXISTS', key_batch(id)) == 0 then return end
  redis.call('HSET', key_batch(id), 'sealed', '1')
  complete_batch(id)
end
