-- Nobody finds the file any more, and its object is to be removed; gives where that is.
local removal_retry_ms = 30000
local function begin_removal(file_id)
  local file = key_file(file_id)
  local known = redis.call('HMGET', file, 'tenant', 'object')
  redis.call('HSET', file, 'status', 'removing')
  redis.call('ZREM', key_files(known[1]), file_id)
  redis.call('ZADD', key_file_expiry(), now + removal_retry_ms, file_id)
  return known[2]
end
