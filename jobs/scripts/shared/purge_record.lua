-- Remove a final job and leave a tombstone, so that no late message brings it back, and its
-- tenant can be told that it was there. With `rendered_go_on` callbacks that need it no more go on.
local tombstone_ms = 25 * 60 * 60 * 1000
local function purge_record(id, job, rendered_go_on)
  note('purged', id, job.status)
  local text = {labels = redis.call('HGET', key_text(id), 'labels') or nil}
  for _, index in ipairs(indexes_of(job, text)) do redis.call('ZREM', index, id) end
  drop_deliveries(key_job_deliveries(id), rendered_go_on)
  redis.call('ZREM', key_expiry(), id)
  release_files(id)
  leave_batch(id, job)
  redis.call('DEL', key_job(id), key_text(id), key_params(id), key_result(id), key_log(id))
  redis.call('ZADD', key_tombstones(), now + tombstone_ms, id .. ' ' .. job.tenant)
end
