-- Let a job use files, so that they stay while its record does; `files` is a JSON list of ids.
--
-- A file that is not there, as for a job that came back from its message, has no users.
local function use_files(id, files)
  for _, file_id in ipairs(cjson.decode(files or '[]')) do
    if redis.call('HGET', key_file(file_id), 'status') == 'ready' then
      redis.call('SADD', key_file_users(file_id), id)
      redis.call('SADD', key_job_files(id), file_id)
    end
  end
end
