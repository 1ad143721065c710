-- remove_file: make a file unavailable; the caller then deletes its object and its record.
--
-- KEYS     file     hash  the file
-- ARGV     file_id  str
--          forced   int   1 to remove a file even during its upload
-- RETURNS  removing | in_use | missing
-- EFFECT   changes
-- INCLUDES file
--
-- A file that a job uses stays. The housekeeper tries again until `forget_file` confirms that the
-- object is deleted. A repeat is harmless. Also returns the object.
local status = redis.call('HGET', file, 'status')
if not status or (status == 'uploading' and forced == 0) then return answer('missing', '') end
if redis.call('SCARD', key_file_users(file_id)) > 0 then return answer('in_use', '') end
return answer('removing', begin_removal(file_id))
