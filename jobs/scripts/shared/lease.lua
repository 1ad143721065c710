-- lease: who holds a job, and how many threads workers have.
--
-- INCLUDES  none

-- Whether this attempt holds the job's lease now: by number, by token, and by status.
local function holds_fence(job, attempt, token)
  return IS_HOLDING[job.status]
    and tonumber(job.attempt) == attempt and job.token == token
end

-- After the clock was put back from `last`: let what was to come soon after that come soon again.
local function bring_forward(names, last)
  for _, name in ipairs(names) do
    local entries = redis.call('ZRANGE', name, now, '+inf', 'BYSCORE', 'WITHSCORES')
    for i = 1, #entries, 2 do
      local left = math.max(0, tonumber(entries[i + 1]) - last)
      redis.call('ZADD', name, now + left, entries[i])
    end
  end
end

-- Add up the threads of all workers that live, for as long as a heartbeat is good.
local function count_threads(lasts_ms)
  local total = 0
  for _, worker in ipairs(redis.call('ZRANGE', key_workers(), 0, -1)) do
    local said = redis.call('HMGET', key_worker(worker), 'threads', 'dead_threads')
    total = total + tonumber(said[1] or 0) - tonumber(said[2] or 0)
  end
  redis.call('SET', key_threads(), whole(total), 'PX', lasts_ms)
end

-- How many threads of all living workers run nothing, or nil when no worker has said so lately.
local function free_threads()
  local threads = redis.call('GET', key_threads())
  return threads and tonumber(threads) - redis.call('ZCARD', key_leases())
end
