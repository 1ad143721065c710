-- What a run took, as a moving mean with a weight of one fifth for the newest, and how far runs
-- are from it, as for the timeouts of TCP (RFC 6298, section 2).
local function learn_duration(job)
  local stats = key_stats(job.operation)
  local took = now - tonumber(job.started_ms)
  local known = redis.call('HMGET', stats, 'mean_ms', 'spread_ms')
  local mean, spread = tonumber(known[1] or took), tonumber(known[2] or 0)
  spread = spread + (math.abs(took - mean) - spread) / 5
  redis.call('HINCRBY', stats, 'runs', 1)
  redis.call('HSET', stats, 'mean_ms', whole(mean + (took - mean) / 5), 'spread_ms', whole(spread))
end
