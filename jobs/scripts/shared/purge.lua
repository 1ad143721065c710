-- purge: removes the records of jobs and batches permanently.
--
-- INCLUDES  record, delivery, file, batch, dependency

-- Whether any of the owner's deliveries still has to be rendered from its record.
local function awaits_rendering(list)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local delivery = read_delivery(id)
    if delivery and delivery.status == 'pending' and not delivery.rendered then return true end
  end
  return false
end

-- Remove an owner's deliveries; `rendered_go_on` keeps those that no longer need the owner.
local function drop_deliveries(list, rendered_go_on)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local delivery = read_delivery(id)
    local goes_on = rendered_go_on and delivery and delivery.status == 'pending' and delivery.rendered
    if delivery and not goes_on then
      unschedule_attempt(id, delivery)
      redis.call('DEL', key_delivery(id))
    end
  end
  redis.call('DEL', list)
end

-- Remove an ended batch after its last job. A callback that is still to be rendered from the batch
-- keeps it for as long as its attempts may take.
local batch_deliverable_ms = 7 * 24 * 60 * 60 * 1000
local function forget_batch(id)
  local list = key_batch_deliveries(id)
  if awaits_rendering(list) then
    for _, key in ipairs({key_batch(id), key_batch_items(id), list}) do
      redis.call('PEXPIRE', key, batch_deliverable_ms)
    end
  else
    drop_deliveries(list, true)
    redis.call('DEL', key_batch(id), key_batch_items(id))
  end
end

-- Remove a purged job from its batch, and the batch with its last job.
local function leave_batch(id, job)
  local batch_id = job.batch_id
  if not batch_id then return end
  redis.call('SREM', key_batch_status(batch_id, job.status), id)
  local known = redis.call('HMGET', key_batch(batch_id), 'tenant', 'ended_ms')
  if not known[1] then return end
  redis.call('HINCRBY', key_batch(batch_id), 'removed', 1)
  if known[2] and not has_ended_jobs(batch_id) then forget_batch(batch_id) end
end

-- Remove a final job and leave a tombstone, so that no late message recovers it and its tenant gets
-- `410`. `rendered_go_on` keeps deliveries that no longer need the job.
local tombstone_ms = 25 * 60 * 60 * 1000
local function purge_record(id, job, rendered_go_on)
  note('purged', id, job.status)
  local text = {labels = redis.call('HGET', key_text(id), 'labels') or nil}
  for _, index in ipairs(indexes_of(job, text)) do redis.call('ZREM', index, id) end
  drop_deliveries(key_job_deliveries(id), rendered_go_on)
  redis.call('ZREM', key_expiry(), id)
  release_files(id)
  leave_batch(id, job)
  leave_dependents(id, job.status)
  delete_record(id)
  redis.call('ZADD', key_tombstones(), now + tombstone_ms, id .. ' ' .. job.tenant)
end
