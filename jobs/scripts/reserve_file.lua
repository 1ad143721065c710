-- reserve_file: take room for a file that is being written, and hold it for a while.
--
-- KEYS     file        hash  the file
-- ARGV     file_id     str
--          tenant      str
--          kind        str   upload | made | result
--          object      str   where its bytes are going to be
--          size        int   bytes it takes, or may take as far as is known by now
--          most_bytes  int   bytes that all files of the tenant may take
--          lease_ms    int   how long it is held without a repeat
-- RETURNS  reserved | full | gone
-- EFFECT   grows
-- INCLUDES none
--
-- The record is there before its object, so nothing in the storage is ever unknown. Each repeat
-- takes the room anew, more or less than before; whose lease ran out it begins again. 'gone' is a
-- file that is whole or being removed. Adds how many bytes were free without it.
-- A full Redis refuses uploads, but must still be able to end jobs with what they made.
if kind ~= 'upload' then redis.call('UNLINK', key_headroom()) end
local known = redis.call('HMGET', file, 'status', 'size')
if known[1] and known[1] ~= 'uploading' then return answer('gone', 0) end
local others = tonumber(redis.call('HGET', key_stored(), tenant) or 0) - tonumber(known[2] or 0)
local free = whole(math.max(0, most_bytes - others))
if others + size > most_bytes then return answer('full', free) end
redis.call('HSET', file, 'status', 'uploading', 'tenant', tenant, 'kind', kind, 'object', object,
  'size', whole(size))
redis.call('HSETNX', file, 'created_ms', whole(now))
redis.call('HSET', key_stored(), tenant, whole(others + size))
redis.call('ZADD', key_file_expiry(), now + lease_ms, file_id)
return answer('reserved', free)
