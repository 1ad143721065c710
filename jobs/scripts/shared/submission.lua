-- submission: decides and records one submission.
--
-- INCLUDES  record, file, rate, turn, acquire, dependency, depending, job
-- long: the order of the checks is guaranteed, and is read as a whole

-- Write a new record with its indexes; `fields` and `text` are the content of the submission.
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

-- Store the job and the payload of an Idempotency-Key.
local idempotency_ms = 24 * 60 * 60 * 1000
local function remember_idempotency(id, job)
  if not job.idempotency_digest then return end
  local key = key_idempotency(job.tenant, job.idempotency_digest)
  redis.call('HSET', key, 'fingerprint', job.payload_fingerprint or '', 'job', id)
  redis.call('PEXPIRE', key, idempotency_ms)
end

-- Return the name of the first of these capacity groups that is full, or nil.
--
-- Each operation's active jobs are indexed already, so a group needs no record of its own.
local function full_group(groups, leaving)
  for _, group in ipairs(groups or {}) do
    local active = -leaving
    for _, operation in ipairs(group.operations) do
      active = active + redis.call('ZCARD', key_active_operation(operation))
    end
    if active >= group.max_active then return group.name end
  end
end

-- Decide one submission, and write its record, indexes and wake-up if it is accepted.
--
-- `asked` has on_conflict, run_at_ms, max_active, operation_limits, limits, payer, rate_requests and
-- rate_window_ms. Returns the word, what is left of the quotas, the other values that `submit_job`
-- returns with it, and the record of a new job. Before all checks have passed, only the request's
-- count is written.
local function decide_submission(job_id, fields, text, params, asked)
  local quotas, charge = {}, asked.operation_limits.charge
  local function count(cost)
    local counted
    counted, quotas.left, quotas.reset_ms =
      count_rate(key_rate(asked.payer), asked.rate_requests, asked.rate_window_ms, cost)
    return counted
  end
  local function count_submission(cost)
    if not charge then return true end
    local key, counted = key_submission_rate(charge.payer, fields.operation), nil
    counted, quotas.submissions_left, quotas.submissions_reset_ms =
      count_rate(key, charge.requests, charge.window_ms, cost)
    return counted
  end
  count(0)
  count_submission(0)
  local tombstone = job_id .. ' ' .. fields.tenant
  if redis.call('EXISTS', key_job(job_id)) == 1 or redis.call('ZSCORE', key_tombstones(), tombstone) then
    return 'accepted', quotas, job_id, whole(now)
  end

  if fields.idempotency_digest then
    local key = key_idempotency(fields.tenant, fields.idempotency_digest)
    local kept = redis.call('HMGET', key, 'fingerprint', 'job')
    if kept[2] then
      local same = kept[1] == (fields.payload_fingerprint or '')
      return same and 'replayed' or 'mismatch', quotas, kept[2], whole(now)
    end
  end

  if not count(1) then return 'limited', quotas, 'requests' end

  local missing = missing_file(fields.tenant, text.files)
  if missing then return 'file_missing', quotas, missing end
  local lacking, place = missing_dependency(fields.tenant, text.after)
  if lacking then return 'dependency_missing', quotas, lacking, whole(place) end

  local conflicting_id, conflicting
  if fields.fingerprint then
    conflicting_id = redis.call('GET', key_unique(fields.tenant, fields.operation, fields.fingerprint))
    conflicting = conflicting_id and read_job(conflicting_id)
    if conflicting and is_final(conflicting) then conflicting = nil end
    local replaceable = conflicting and IS_WAITING[conflicting.status]
    if conflicting and not (asked.on_conflict == 'replace' and replaceable) then
      return 'duplicate', quotas, conflicting_id, conflicting.status
    end
  end

  local leaving = conflicting and 1 or 0
  local active_operation = key_active_operation(fields.operation)
  if redis.call('ZCARD', key_active()) - leaving >= asked.max_active then
    return 'full', quotas, 'server'
  elseif redis.call('ZCARD', active_operation) - leaving >= asked.operation_limits.max_active then
    return 'full', quotas, 'operation'
  end
  local group = full_group(asked.operation_limits.groups, leaving)
  if group then return 'full', quotas, 'group', group end
  -- The last check, so that exactly what is accepted uses this quota.
  if not count_submission(1) then return 'limited', quotas, 'submissions' end

  if conflicting then
    redis.call('HSET', key_text(conflicting_id), 'error', cjson.encode({type = 'superseded', by = job_id}))
    end_job(conflicting_id, conflicting, 'cancelled')
  end

  for slot, places in pairs(asked.limits) do
    redis.call('HSETNX', key_limits(), 'declared:' .. slot, places)
  end
  fields.created_ms = whole(now)
  local later = asked.run_at_ms > now
  if later then fields.scheduled_ms = whole(asked.run_at_ms) end
  local waits = later or text.after
  local job = create_job(job_id, fields, text, params, waits and 'scheduled' or 'queued')
  remember_idempotency(job_id, job)
  if text.after then
    announce(job_id, job)
    await_dependencies(job_id, job, text.after)
    job = read_job(job_id)
  elseif later then
    redis.call('ZADD', key_due(), asked.run_at_ms, job_id)
    announce(job_id, job)
  else
    take_turn(job_id, job)
    line_up(job_id, job)
  end
  return 'accepted', quotas, job_id, whole(now), job
end
