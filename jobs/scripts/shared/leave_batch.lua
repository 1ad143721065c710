-- The record of a job that has ended goes, and with the last of them its batch.
local function leave_batch(id, job)
  local batch_id = job.batch_id
  if not batch_id then return end
  redis.call('SREM', key_batch_status(batch_id, job.status), id)
  local known = redis.call('HMGET', key_batch(batch_id), 'tenant', 'ended_ms')
  if not known[1] then return end
  redis.call('HINCRBY', key_batch(batch_id), 'removed', 1)
  if known[2] and not has_ended_jobs(batch_id) then forget_batch(batch_id) end
end
