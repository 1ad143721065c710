-- cancel_batch: end those jobs of a batch that do not run, ask those that run to stop.
--
-- KEYS     record    hash  the batch
-- ARGV     batch_id  str
--          most      int   how many jobs at once
-- RETURNS  cancelled | more | missing
-- EFFECT   changes
-- INCLUDES record, batch, job
--
-- The batch takes no more jobs from its first step on, whoever is still submitting some. After
-- cancelled each of its jobs has ended or was told to.
if redis.call('EXISTS', record) == 0 then return answer('missing') end
if not redis.call('HGET', record, 'sealed') then seal_batch(batch_id) end
local room = most
for _, status in ipairs(STOPPABLE) do
  local ids = room > 0 and redis.call('SRANDMEMBER', key_batch_status(batch_id, status), room) or {}
  for _, id in ipairs(ids) do
    local job = read_job(id)
    if not job then
      redis.call('SREM', key_batch_status(batch_id, status), id)
    elseif not is_final(job) then
      -- One that waited for another of them has ended with it.
      stop_job(id, job)
    end
  end
  room = room - #ids
end
return answer(room > 0 and 'cancelled' or 'more')
