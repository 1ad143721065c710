-- The job's record goes: what it made, and what it alone used and whose own time is over, too, is
-- removed soon.
local function release_files(id)
  for _, file_id in ipairs(redis.call('SMEMBERS', key_job_files(id))) do
    local users = key_file_users(file_id)
    redis.call('SREM', users, id)
    if redis.call('SCARD', users) == 0 then
      local known = redis.call('HMGET', key_file(file_id), 'kind', 'expires_ms')
      local expires = known[1] == 'upload' and tonumber(known[2] or 0) or 0
      redis.call('ZADD', key_file_expiry(), math.max(now, expires), file_id)
    end
  end
  redis.call('DEL', key_job_files(id))
end
