-- dependency: jobs that wait for others to end, and for which.
--
-- INCLUDES  none

-- The first of the jobs (a JSON list of ids) that this tenant has not, with its place in the list
-- from 0; nil for none.
local function missing_dependency(tenant, after)
  for i, id in ipairs(cjson.decode(after or '[]')) do
    if redis.call('HGET', key_job(id), 'tenant') ~= tenant then return id, i - 1 end
  end
end

-- Put the ids of jobs in place of '#3' in what an item of a batch waits for, where `kept_items` says
-- what became of each; gives what is kept of an item that names one without a job.
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

-- Let a job wait for another one; `missed_ms` is since when that has no record, 0 while it has one.
local function depend_on(id, job, dependency_id, missed_ms)
  redis.call('ZADD', key_dependencies(id), missed_ms, dependency_id)
  redis.call('ZADD', key_dependents(dependency_id), job.rank, id)
end

-- The job waits for no other any more, whatever becomes of them.
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

-- A job that has ended goes: those that wait for it and were not told are told by the housekeeper,
-- from the status that is kept beside its id.
local function leave_dependents(id, status)
  if redis.call('EXISTS', key_dependents(id)) == 1 then
    redis.call('ZADD', key_settling(), 'NX', now, id .. ' ' .. status)
  end
end

-- How a job ended that has dependents which were not told, though it is gone; nil when it did not.
local function settling_status(id)
  for _, status in ipairs(FINAL) do
    if redis.call('ZSCORE', key_settling(), id .. ' ' .. status) then return status end
  end
end
