-- file: files, and the jobs that use them.
--
-- INCLUDES  none

-- Return the first of the files (a JSON list of ids) that the tenant does not have; nil for none.
local function missing_file(tenant, files)
  for _, file_id in ipairs(cjson.decode(files or '[]')) do
    local known = redis.call('HMGET', key_file(file_id), 'status', 'tenant')
    if known[1] ~= 'ready' or known[2] ~= tenant then return file_id end
  end
end

-- Make a job a user of files, so that they are kept as long as its record; `files` is a JSON list.
--
-- A missing file, as a recovered job may have, gets no users.
local function use_files(id, files)
  for _, file_id in ipairs(cjson.decode(files or '[]')) do
    if redis.call('HGET', key_file(file_id), 'status') == 'ready' then
      redis.call('SADD', key_file_users(file_id), id)
      redis.call('SADD', key_job_files(id), file_id)
    end
  end
end

-- Release the files of a job before its record is removed. Files that it created expire now, and
-- uploads that no other job uses at their own expiry.
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

-- Expire files without users; the housekeeper removes them.
local function drop_files(files)
  for _, file_id in ipairs(files) do
    if redis.call('SCARD', key_file_users(file_id)) == 0 then
      redis.call('ZADD', key_file_expiry(), now, file_id)
    end
  end
end

-- Make a file unavailable, and return the object that the caller must delete.
local removal_retry_ms = 30000
local function begin_removal(file_id)
  local file = key_file(file_id)
  local known = redis.call('HMGET', file, 'tenant', 'object')
  redis.call('HSET', file, 'status', 'removing')
  redis.call('ZREM', key_files(known[1]), file_id)
  redis.call('ZADD', key_file_expiry(), now + removal_retry_ms, file_id)
  return known[2]
end
