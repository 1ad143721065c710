-- Write a new record with its indexes; `fields` and `text` are what the submission says.
--
-- The rank orders waiting jobs, lowest first: by priority (10 is best), then by age.
local function create_job(id, fields, text, params, status)
  local since = math.max(tonumber(fields.created_ms), tonumber(fields.scheduled_ms or 0))
  fields.rank = whole((10 - tonumber(fields.priority)) * 1e13 + since)
  local flat = {'status', status, 'version', '0', 'wakeup', '0'}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('HSET', key_job(id), unpack(flat))
  for name, value in pairs(text) do redis.call('HSET', key_text(id), name, value) end
  redis.call('SET', key_params(id), params)
  use_files(id, text.files)
  note('created', id, status, fields.tenant, fields.operation, fields.rank,
    fields.fingerprint or '', fields.idempotency_digest or '')
  fields.status = status
  redis.call('ZADD', key_active(), fields.created_ms, id)
  redis.call('ZADD', key_active_operation(fields.operation), fields.created_ms, id)
  redis.call('SADD', key_tenants(), fields.tenant)
  if fields.batch_id then redis.call('SADD', key_batch_status(fields.batch_id, status), id) end
  for _, index in ipairs(indexes_of(fields, text)) do
    redis.call('ZADD', index, fields.created_ms, id)
  end
  if fields.fingerprint then
    redis.call('SET', key_unique(fields.tenant, fields.operation, fields.fingerprint), id)
  end
  return fields
end
