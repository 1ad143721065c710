-- The job's record goes: what it alone used is removed soon if its own time is over, too.
local function release_files(id)
  for _, file_id in ipairs(redis.call('SMEMBERS', key_job_files(id))) do
    local users = key_file_users(file_id)
    redis.call('SREM', users, id)
    local expires = tonumber(redis.call('HGET', key_file(file_id), 'expires_ms') or 0)
    if redis.call('SCARD', users) == 0 then
      redis.call('ZADD', key_file_expiry(), math.max(now, expires), file_id)
    end
  end
  redis.call('DEL', key_job_files(id))
end
