-- dependency: which jobs wait for which others to end.
--
-- INCLUDES  none

-- The first of the jobs (a JSON list of ids) that this tenant does not have, with its index in the
-- list, from 0; nil for none.
local function missing_dependency(tenant, after)
  for i, id in ipairs(cjson.decode(after or '[]')) do
    if redis.call('HGET', key_job(id), 'tenant') ~= tenant then return id, i - 1 end
  end
end

-- Replace references such as '#3' in the `after` of an item by job ids, from the outcomes in
-- `kept_items`; gives the outcome of an item that refers to one without a job.
local has_job = {accepted = true, duplicate = true}
local function resolve_after(text, kept_items)
  local after = cjson.decode(text.after)
  for i, each in ipairs(after) do
    local index = string.match(each, '^#(%d+)$')
    local kept = index and redis.call('LRANGE', kept_items, index, index)[1]
    local outcome = kept and cjson.decode(kept) or {}
    if index and not has_job[outcome[1]] then
      local detail = 'names item ' .. index .. ', which created no job'
      return cjson.encode({'malformed', {{'/after/' .. whole(i - 1), detail}}})
    end
    after[i] = index and outcome[4] or each
  end
  text.after = cjson.encode(after)
end

-- Let a job wait for another; `missed_ms` is when the other lost its record, 0 while it has one.
local function depend_on(id, job, dependency_id, missed_ms)
  redis.call('ZADD', key_dependencies(id), missed_ms, dependency_id)
  redis.call('ZADD', key_dependents(dependency_id), job.rank, id)
end

-- The job no longer waits for any other.
local function forget_dependencies(id, job)
  if not job.depending then return end
  for _, dependency_id in ipairs(redis.call('ZRANGE', key_dependencies(id), 0, -1)) do
    redis.call('ZREM', key_dependents(dependency_id), id)
  end
  redis.call('DEL', key_dependencies(id))
  redis.call('ZREM', key_depending(), id)
  redis.call('HDEL', key_job(id), 'depending')
  job.depending = nil
end

-- An ended job is removed: the housekeeper tells its untold dependents, from the status that is kept
-- with its id.
local function leave_dependents(id, status)
  if redis.call('EXISTS', key_dependents(id)) == 1 then
    redis.call('ZADD', key_settling(), 'NX', now, id .. ' ' .. status)
  end
end

-- The final status of a removed job with untold dependents; nil if it has none.
local function settling_status(id)
  for _, status in ipairs(FINAL) do
    if redis.call('ZSCORE', key_settling(), id .. ' ' .. status) then return status end
  end
end
