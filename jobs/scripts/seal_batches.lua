-- seal_batches: close the batches whose submission broke off, so that they can end.
--
-- KEYS     unsealed     zset  batches that are not wholly submitted, by their last step
-- ARGV     patience_ms  int   how long the next step may take
--          most         int   how many at once
-- RETURNS  sealed
-- EFFECT   changes
-- INCLUDES batch
--
-- What was submitted of them stays as it is. Adds how many there were.
local ids = redis.call('ZRANGE', unsealed, '-inf', now - patience_ms, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do seal_batch(id) end
return answer('sealed', #ids)
