-- remove_file: take a file away from everybody; its object is removed next, then its record.
--
-- KEYS     file     hash  the file
-- ARGV     file_id  str
--          forced   int   1 for one that is still being written, too
-- RETURNS  removing | in_use | missing
-- EFFECT   changes
-- INCLUDES file
--
-- A file that a job uses stays. Until `forget_file` says that its object is gone the housekeeper
-- tries again. A repeat does no harm. Adds where its object is.
local status = redis.call('HGET', file, 'status')
if not status or (status == 'uploading' and forced == 0) then return answer('missing', '') end
if redis.call('SCARD', key_file_users(file_id)) > 0 then return answer('in_use', '') end
return answer('removing', begin_removal(file_id))
