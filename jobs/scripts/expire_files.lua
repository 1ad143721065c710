-- expire_files: find the files whose time is over, and those whose removal was broken off.
--
-- KEYS     file_expiry  zset  files by when they are removed
-- ARGV     most         int   how many at once
-- RETURNS  removing
-- EFFECT   changes
-- INCLUDES file
--
-- A file that a job uses stays until the job is gone, and is looked at again an hour later in any
-- case. Adds pairs of a file's id and where its object is; what is not forgotten comes again.
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
