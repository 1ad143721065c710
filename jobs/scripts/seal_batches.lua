-- seal_batches: seal the batches whose submission was abandoned, so that they can complete.
--
-- KEYS     unsealed     zset  batches with undecided items, by their last step
-- ARGV     patience_ms  int   how long the next step may take
--          most         int   maximum number of batches per call
-- RETURNS  sealed
-- EFFECT   changes
-- INCLUDES batch
--
-- Their jobs are unaffected. Also returns the number of batches sealed.
local ids = redis.call('ZRANGE', unsealed, '-inf', now - patience_ms, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(ids) do seal_batch(id) end
return answer('sealed', #ids)
