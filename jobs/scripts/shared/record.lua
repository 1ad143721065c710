-- record: a job's record, status and listings.
--
-- INCLUDES  none

-- Return the record as a table, or nil; numbers stay strings.
local function read_job(id)
  local flat = redis.call('HGETALL', key_job(id))
  if #flat == 0 then return nil end
  local job = {}
  for i = 1, #flat, 2 do job[flat[i]] = flat[i + 1] end
  return job
end

local function is_final(job)
  return IS_FINAL[job.status]
end

-- Change a status. No other function does, so the indexes always agree with the records.
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

-- Increment the version and publish the change.
local function announce(id, job)
  -- A Redis user without access to channels must not abort a change half-way: readers poll, too.
  local version = redis.call('HINCRBY', key_job(id), 'version', 1)
  redis.pcall('PUBLISH', channel_events, id .. ' ' .. version .. ' ' .. job.status .. ' ' .. (job.percent or ''))
end

-- Delete all keys of a job, but not its entries in sets. It may still have a saved state if a
-- version without saved states ended it.
local function delete_record(id)
  redis.call('DEL', key_job(id), key_text(id), key_params(id), key_result(id), key_log(id), key_saved(id))
end

-- Return the keys of all listings that contain a job.
local function indexes_of(job, text)
  local indexes = {
    key_index(job.tenant),
    key_index_facet(job.tenant, 'status', job.status),
    key_index_facet(job.tenant, 'operation', job.operation),
  }
  if job.batch_id then
    indexes[#indexes + 1] = key_index_facet(job.tenant, 'batch', job.batch_id)
  end
  for name, value in pairs(cjson.decode(text.labels or '{}')) do
    indexes[#indexes + 1] = key_index_facet(job.tenant, 'label', name .. '=' .. value)
  end
  return indexes
end

-- Append log lines; the oldest ones are dropped if the log has too many lines or bytes.
local function append_log(id, lines, max_lines, max_bytes)
  if #lines == 0 then return end
  local log = key_log(id)
  local bytes = tonumber(redis.call('HGET', key_job(id), 'log_bytes') or 0)
  for _, line in ipairs(lines) do
    redis.call('RPUSH', log, line)
    bytes = bytes + #line
  end
  while redis.call('LLEN', log) > max_lines or bytes > max_bytes do
    local dropped = redis.call('LPOP', log)
    if not dropped then break end
    bytes = bytes - #dropped
    redis.call('HINCRBY', key_job(id), 'log_dropped', 1)
  end
  redis.call('HSET', key_job(id), 'log_bytes', whole(bytes))
end
