-- depending: compares a job that waits for others with those.
--
-- INCLUDES  dependency, settling

-- How a job for which another waits has ended, even if its record is gone; nil while it may still end.
-- A job without a record is lost after a while; until then its message may recover it.
local lost_after_ms = 300000
local function outcome_of(dependency_id, missed_ms)
  local status = redis.call('HGET', key_job(dependency_id), 'status')
  if status then return IS_FINAL[status] and status or nil end
  local is_lost = missed_ms > 0 and missed_ms + lost_after_ms <= now
  return settling_status(dependency_id) or (is_lost and 'lost' or nil)
end

-- Compare a waiting job with those for which it waits, tell it of ends that it was not told, and set
-- the time of its next check.
local next_check_ms = 60000
local function check_dependencies(id, job)
  redis.call('ZADD', key_depending(), now + next_check_ms, id)
  if redis.call('EXISTS', key_dependencies(id)) == 0 then
    for _, each in ipairs(cjson.decode(redis.call('HGET', key_text(id), 'after') or '[]')) do
      depend_on(id, job, each, 0)
    end
  end
  local known = redis.call('ZRANGE', key_dependencies(id), 0, -1, 'WITHSCORES')
  for i = 1, #known, 2 do
    local dependency_id, missed_ms = known[i], tonumber(known[i + 1])
    local status = outcome_of(dependency_id, missed_ms)
    if status then
      if settle_dependency(id, dependency_id, status) then return settle(id, 'cancelled') end
    elseif redis.call('EXISTS', key_job(dependency_id)) == 1 then
      depend_on(id, job, dependency_id, 0)
    else
      local is_new = missed_ms == 0 or missed_ms > now
      depend_on(id, job, dependency_id, is_new and now or missed_ms)
    end
  end
end

-- Let a new job wait for those of `after` (a JSON list of ids) that have not ended.
local function await_dependencies(id, job, after)
  redis.call('HSET', key_job(id), 'depending', '1')
  job.depending = '1'
  local ids = cjson.decode(after)
  note('depends', id, ids, job.after_policy or 'succeeded')
  for _, each in ipairs(ids) do depend_on(id, job, each, 0) end
  check_dependencies(id, job)
end
