-- Count the change and tell everybody who waits for it.
local function announce(id, job)
  -- A user without rights on channels must not stop a change half-way: whoever waits reads again.
  local version = redis.call('HINCRBY', key_job(id), 'version', 1)
  redis.pcall('PUBLISH', channel_events, id .. ' ' .. version .. ' ' .. job.status .. ' ' .. (job.percent or ''))
end
