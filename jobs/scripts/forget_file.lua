-- forget_file: remove the record of a file whose object is deleted, and free its storage quota.
--
-- KEYS     file     hash  the file
-- ARGV     file_id  str
-- RETURNS  forgotten | kept
-- EFFECT   changes
-- INCLUDES none
--
-- Only a file that is being removed is forgotten. A repeat is harmless.
local known = redis.call('HMGET', file, 'status', 'tenant', 'size')
if known[1] ~= 'removing' then return answer('kept') end
redis.call('DEL', file)
redis.call('ZREM', key_file_expiry(), file_id)
local left = redis.call('HINCRBY', key_stored(), known[2], whole(0 - tonumber(known[3])))
if left <= 0 then redis.call('HDEL', key_stored(), known[2]) end
return answer('forgotten')
