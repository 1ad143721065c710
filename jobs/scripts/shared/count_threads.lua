-- Add up the threads of all workers that live, for as long as a heartbeat is good.
local function count_threads(lasts_ms)
  local total = 0
  for _, worker in ipairs(redis.call('ZRANGE', key_workers(), 0, -1)) do
    local said = redis.call('HMGET', key_worker(worker), 'threads', 'dead_threads')
    total = total + tonumber(said[1] or 0) - tonumber(said[2] or 0)
  end
  redis.call('SET', key_threads(), whole(total), 'PX', lasts_ms)
end
