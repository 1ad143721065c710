-- read_batch: read a batch and count its jobs by status.
--
-- KEYS     record    hash  the batch
-- ARGV     batch_id  str
-- RETURNS  found | missing
-- EFFECT   reads
-- INCLUDES none
--
-- Also returns, all at the same moment: the record's fields and values, the number of decided
-- items, and the number of jobs in each status, in the order of STATUSES.
local fields = redis.call('HGETALL', record)
if #fields == 0 then return answer('missing') end
local counts = {}
for i, status in ipairs(STATUSES) do
  counts[i] = redis.call('SCARD', key_batch_status(batch_id, status))
end
local decided = redis.call('LLEN', key_batch_items(batch_id))
return answer('found', fields, decided, counts)
