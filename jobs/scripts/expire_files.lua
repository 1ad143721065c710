-- expire_files: find the files that have expired, and those whose removal was interrupted.
--
-- KEYS     file_expiry  zset  files by expiry
-- ARGV     most         int   maximum number of files per call
-- RETURNS  removing
-- EFFECT   changes
-- INCLUDES file
--
-- A file that a job uses stays until the job is purged; it is checked again at least every hour.
-- Also returns pairs of file id and object; a file is returned again until `forget_file` removes
-- its record.
local look_again_ms = 60 * 60 * 1000
local found = {}
for _, id in ipairs(redis.call('ZRANGE', file_expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  if redis.call('EXISTS', key_file(id)) == 0 then
    redis.call('ZREM', file_expiry, id)
  elseif redis.call('SCARD', key_file_users(id)) > 0 then
    redis.call('ZADD', file_expiry, now + look_again_ms, id)
  else
    found[#found + 1] = id
    found[#found + 1] = begin_removal(id)
  end
end
return answer('removing', found)
