-- examine_batches: compare batches with their jobs, and find those that could never end.
--
-- KEYS     unsealed   zset  batches with undecided items, by their last step
-- ARGV     batch_ids  json  list of ids
--          repair     int   1 repairs the faults, 0 changes nothing
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES batch, repair
--
-- The repair leaves an unsealed batch that nothing would seal to the housekeeper, like a batch
-- whose submission was abandoned, and completes a batch whose jobs have all ended. A repeat finds
-- no more faults. Also returns {batch_id, fault} for each: members, unsealed, open or missing.
local found, repairs = {}, repair == 1
for _, id in ipairs(batch_ids) do
  local batch = key_batch(id)
  local known = redis.call('HMGET', batch, 'tenant', 'sealed', 'ended_ms')
  local awaits = redis.call('ZSCORE', unsealed, id)
  local fault
  if not known[1] then
    fault = awaits and 'missing'
    if fault and repairs then redis.call('ZREM', unsealed, id) end
  else
    if examine_batch_members(id, repairs) > 0 then found[#found + 1] = {id, 'members'} end
    if not known[2] and not awaits then
      fault = 'unsealed'
      if repairs then redis.call('ZADD', unsealed, now, id) end
    elseif known[2] and (awaits or (not known[3] and not is_active_batch(id))) then
      fault = 'open'
      if repairs then seal_batch(id) end
    end
  end
  if fault then found[#found + 1] = {id, fault} end
end
return answer('examined', found)
