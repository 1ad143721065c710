-- cancel_batch: end the jobs of a batch that are not running, and ask the running ones to stop.
--
-- KEYS     record    hash  the batch
-- ARGV     batch_id  str
--          most      int   maximum number of jobs per call
-- RETURNS  cancelled | more | missing
-- EFFECT   changes
-- INCLUDES record, batch, job
--
-- From the first call on, the batch accepts no more jobs, even while a client still submits some.
-- After 'cancelled', each of its jobs has ended or was asked to stop.
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
      -- A job that depended on another of these has ended with it.
      stop_job(id, job)
    end
  end
  room = room - #ids
end
return answer(room > 0 and 'cancelled' or 'more')
