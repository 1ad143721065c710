-- The only place where a status changes, so that the indexes always agree with the records.
local function set_status(id, job, status)
  redis.call('ZREM', key_index_facet(job.tenant, 'status', job.status), id)
  redis.call('ZADD', key_index_facet(job.tenant, 'status', status), job.created_ms, id)
  redis.call('HSET', key_job(id), 'status', status)
  job.status = status
end
