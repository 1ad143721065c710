-- depending: compares a depending job with its dependencies.
--
-- INCLUDES  record, dependency, settling

-- Return how a dependency has ended, even if its record is gone; nil if it has not ended. A
-- dependency without a record is lost after a while; until then its message may recover it.
--
-- Also returns since when its record is missing; 0 while it exists.
local lost_after_ms = 300000
local function outcome_of(dependency_id, missed_ms)
  local status = redis.call('HGET', key_job(dependency_id), 'status')
  if status then return IS_FINAL[status] and status or nil, 0 end
  if missed_ms == 0 or missed_ms > now then missed_ms = now end
  local is_lost = missed_ms + lost_after_ms <= now
  return settling_status(dependency_id) or (is_lost and 'lost' or nil), missed_ms
end

-- Compare a depending job with its dependencies, tell it of ends that it missed, and schedule its
-- next check. A final job was ended by a version without dependencies: it then waits no longer.
local next_check_ms = 60000
local function check_dependencies(id, job)
  if is_final(job) then return forget_dependencies(id, job) end
  redis.call('ZADD', key_depending(), now + next_check_ms, id)
  if redis.call('EXISTS', key_dependencies(id)) == 0 then
    for _, each in ipairs(cjson.decode(redis.call('HGET', key_text(id), 'after') or '[]')) do
      redis.call('ZADD', key_dependencies(id), 0, each)
    end
  end
  local known = redis.call('ZRANGE', key_dependencies(id), 0, -1, 'WITHSCORES')
  for i = 1, #known, 2 do
    local dependency_id = known[i]
    local status, missed_ms = outcome_of(dependency_id, tonumber(known[i + 1]))
    if not status then
      depend_on(id, job, dependency_id, missed_ms)
    elseif settle_dependency(id, dependency_id, status) then
      return settle(id, 'cancelled')
    end
  end
end

-- Let a new job wait for the jobs of `after` (a JSON list of ids) that have not ended.
local function await_dependencies(id, job, after)
  redis.call('HSET', key_job(id), 'depending', '1')
  job.depending = '1'
  note('depends', id, cjson.decode(after), job.after_policy or 'succeeded')
  check_dependencies(id, job)
end
