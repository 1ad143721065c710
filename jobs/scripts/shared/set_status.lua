-- The only place where a status changes, so that the indexes always agree with the records.
local function set_status(id, job, status)
  redis.call('ZREM', key_index_facet(job.tenant, 'status', job.status), id)
  redis.call('ZADD', key_index_facet(job.tenant, 'status', status), job.created_ms, id)
  if job.batch_id then
    local batch_id = job.batch_id
    redis.call('SMOVE', key_batch_status(batch_id, job.status), key_batch_status(batch_id, status), id)
  end
  redis.call('HSET', key_job(id), 'status', status)
  note('status', id, job.status, status, job.attempt)
  job.status = status
end
