-- lease: which attempt holds a job, and how many threads are free.
--
-- INCLUDES  none

-- Whether this attempt holds the job's lease now: number, token and status must match.
local function holds_fence(job, attempt, token)
  return IS_HOLDING[job.status]
    and tonumber(job.attempt) == attempt and job.token == token
end

-- After the Redis clock was set back from `last`, move times after that to the same delay from now.
local function bring_forward(names, last)
  for _, name in ipairs(names) do
    local entries = redis.call('ZRANGE', name, now, '+inf', 'BYSCORE', 'WITHSCORES')
    for i = 1, #entries, 2 do
      local left = math.max(0, tonumber(entries[i + 1]) - last)
      redis.call('ZADD', name, now + left, entries[i])
    end
  end
end

-- Store the number of threads of all live workers, for as long as a heartbeat is valid.
local function count_threads(lasts_ms)
  local total = 0
  for _, worker in ipairs(redis.call('ZRANGE', key_workers(), 0, -1)) do
    local known = redis.call('HMGET', key_worker(worker), 'threads', 'dead_threads')
    total = total + tonumber(known[1] or 0) - tonumber(known[2] or 0)
  end
  redis.call('SET', key_threads(), whole(total), 'PX', lasts_ms)
end

-- Return the number of idle threads of all live workers, or nil without a recent heartbeat.
local function free_threads()
  local threads = redis.call('GET', key_threads())
  return threads and tonumber(threads) - redis.call('ZCARD', key_leases())
end
