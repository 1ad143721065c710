-- dependency: which jobs wait for which others.
--
-- INCLUDES  none

-- Return the first job of `after` (a JSON list of ids) that the tenant does not own, and its index,
-- from 0; nil for none.
local function missing_dependency(tenant, after)
  for i, id in ipairs(cjson.decode(after or '[]')) do
    if redis.call('HGET', key_job(id), 'tenant') ~= tenant then return id, i - 1 end
  end
end

-- Replace references such as '#3' in an item's `after` by job ids, from the outcomes in
-- `kept_items`. Returns the item's outcome if it refers to an item without a job.
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

-- Let a job wait for another; `missed_ms` is when its record was first missing, 0 while it exists.
local function depend_on(id, job, dependency_id, missed_ms)
  redis.call('ZADD', key_dependencies(id), missed_ms, dependency_id)
  redis.call('ZADD', key_dependents(dependency_id), job.rank, id)
end

-- Remove all dependencies of a job.
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

-- Leave the untold dependents of an ended job to the housekeeper, with the status to tell them: the
-- job's record may be purged by then.
local function leave_dependents(id, status)
  if redis.call('EXISTS', key_dependents(id)) == 1 then
    redis.call('ZADD', key_settling(), 'NX', now, id .. ' ' .. status)
  end
end

-- Return the final status of a job with untold dependents, nil for any other; needs no record.
local function settling_status(id)
  for _, status in ipairs(FINAL) do
    if redis.call('ZSCORE', key_settling(), id .. ' ' .. status) then return status end
  end
end
