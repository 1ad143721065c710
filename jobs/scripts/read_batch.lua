-- read_batch: say how a batch is.
--
-- KEYS     record    hash  the batch
-- ARGV     batch_id  str
-- RETURNS  found | missing
-- EFFECT   reads
-- INCLUDES none
--
-- Adds the record's fields and values, how many items were decided on, and how many jobs have
-- each status, in the order of the diagram: all of the same moment.
local fields = redis.call('HGETALL', record)
if #fields == 0 then return answer('missing') end
local counts = {}
for i, status in ipairs(STATUSES) do
  counts[i] = redis.call('SCARD', key_batch_status(batch_id, status))
end
local decided = redis.call('LLEN', key_batch_items(batch_id))
return answer('found', fields, decided, counts)
