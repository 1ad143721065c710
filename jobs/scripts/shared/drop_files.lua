-- Let files go that nobody uses; the housekeeper removes them.
local function drop_files(files)
  for _, file_id in ipairs(files) do
    if redis.call('SCARD', key_file_users(file_id)) == 0 then
      redis.call('ZADD', key_file_expiry(), now, file_id)
    end
  end
end
