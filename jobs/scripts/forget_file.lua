-- forget_file: drop the record of a file whose object is gone, and give its room back.
--
-- KEYS     file     hash  the file
-- ARGV     file_id  str
-- RETURNS  forgotten | kept
-- EFFECT   changes
-- INCLUDES none
--
-- Only one that is being removed is forgotten; a repeat does no harm.
local known = redis.call('HMGET', file, 'status', 'tenant', 'size')
if known[1] ~= 'removing' then return answer('kept') end
redis.call('DEL', file)
redis.call('ZREM', key_file_expiry(), file_id)
local left = redis.call('HINCRBY', key_stored(), known[2], whole(0 - tonumber(known[3])))
if left <= 0 then redis.call('HDEL', key_stored(), known[2]) end
return answer('forgotten')
