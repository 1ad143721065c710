-- How many threads of all living workers run nothing, or nil when no worker has said so lately.
local function free_threads()
  local threads = redis.call('GET', key_threads())
  return threads and tonumber(threads) - redis.call('ZCARD', key_leases())
end
