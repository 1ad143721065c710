-- reserve_file: reserve storage quota for a file that is being written.
--
-- KEYS     file        hash  the file
-- ARGV     file_id     str
--          tenant      str
--          kind        str   upload | made | result
--          object      str   the object in the storage that will hold its bytes
--          size        int   its size, or its maximum size as far as known, in bytes
--          max_bytes  int   maximum size of all files of the tenant together
--          lease_ms    int   how long the reservation is valid without a repeat
-- RETURNS  reserved | full | gone
-- EFFECT   grows
-- INCLUDES none
--
-- The record exists before its object, so every object in the storage has a record. Each repeat
-- replaces the reserved size and renews the lease, even an expired one. 'gone' means that the file
-- is complete or being removed. Also returns the bytes that were free without it.
-- A full Redis refuses uploads, but jobs must still be able to end with the files they made.
if kind ~= 'upload' then redis.call('UNLINK', key_headroom()) end
local known = redis.call('HMGET', file, 'status', 'size')
if known[1] and known[1] ~= 'uploading' then return answer('gone', 0) end
local others = tonumber(redis.call('HGET', key_stored(), tenant) or 0) - tonumber(known[2] or 0)
local free = whole(math.max(0, max_bytes - others))
if others + size > max_bytes then return answer('full', free) end
redis.call('HSET', file, 'status', 'uploading', 'tenant', tenant, 'kind', kind, 'object', object,
  'size', whole(size))
redis.call('HSETNX', file, 'created_ms', whole(now))
redis.call('HSET', key_stored(), tenant, whole(others + size))
redis.call('ZADD', key_file_expiry(), now + lease_ms, file_id)
return answer('reserved', free)
