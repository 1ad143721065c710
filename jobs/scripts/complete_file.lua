-- complete_file: make a file usable once the storage has its bytes.
--
-- KEYS     file     hash  the file
-- ARGV     file_id  str
--          fields   json  name, media_type and sha256
--          ttl_ms   int   how long it is kept while no job uses it
-- RETURNS  completed | gone
-- EFFECT   changes
-- INCLUDES none
--
-- A repeat gets the same answer as the first call. 'gone' means that the file's lease has expired;
-- the caller must delete its object. Also returns when the file was created and when it expires,
-- in ms.
local known = redis.call('HMGET', file, 'status', 'tenant', 'kind', 'created_ms', 'expires_ms')
if known[1] == 'ready' then return answer('completed', known[4], known[5]) end
if known[1] ~= 'uploading' then return answer('gone', '0', '0') end
local expires = whole(now + ttl_ms)
for name, value in pairs(fields) do redis.call('HSET', file, name, value) end
redis.call('HSET', file, 'status', 'ready', 'expires_ms', expires)
redis.call('ZADD', key_file_expiry(), expires, file_id)
if known[3] == 'upload' then redis.call('ZADD', key_files(known[2]), known[4], file_id) end
return answer('completed', known[4], expires)
