-- What a run took, as a moving average with a weight of one fifth for the newest.
local function learn_duration(job)
  local stats = key_stats(job.operation)
  local took = now - tonumber(job.started_ms)
  local mean = tonumber(redis.call('HGET', stats, 'mean_ms') or took)
  redis.call('HINCRBY', stats, 'runs', 1)
  redis.call('HSET', stats, 'mean_ms', whole(mean + (took - mean) / 5))
end
