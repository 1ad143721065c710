-- Count the change and tell everybody who waits for it.
local function announce(id, job)
  local version = redis.call('HINCRBY', key_job(id), 'version', 1)
  redis.call('PUBLISH', channel_events, id .. ' ' .. version .. ' ' .. job.status .. ' ' .. (job.percent or ''))
end
