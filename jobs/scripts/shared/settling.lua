-- settling: tells the dependents of a job that it has ended.
--
-- INCLUDES  record, acquire, dependency, final

-- The bound on what one script does for dependents, in weights: 1 to tell one, 10 to queue or end
-- it, and 1 for each job for which an ended one still waited.
local max_settled, changed_weight, settled = 1000, 10, 0
local function may_settle()
  return settled < max_settled
end

-- Queue a job whose dependencies have all ended, or let it wait for its scheduled time.
local function stop_depending(id, job)
  forget_dependencies(id, job)
  redis.call('HSET', key_job(id), 'ready_ms', whole(now))
  if tonumber(job.scheduled_ms or 0) > now then
    redis.call('ZADD', key_due(), job.scheduled_ms, id)
    announce(id, job)
  else
    make_queued(id, job)
  end
end

-- Tell a job that a dependency has ended or is lost; returns whether this ended the job, too.
local outcomes = {failed = 'failed', cancelled = 'was cancelled', lost = 'was lost'}
local function settle_dependency(id, dependency_id, status)
  settled = settled + 1
  redis.call('ZREM', key_dependents(dependency_id), id)
  local waited = redis.call('ZREM', key_dependencies(id), dependency_id) == 1
  local job = waited and read_job(id)
  if not job or not job.depending or is_final(job) then return false end
  note('settled', id, dependency_id, status)
  local left = redis.call('ZCARD', key_dependencies(id))
  if status ~= 'succeeded' and job.after_policy ~= 'finished' then
    settled = settled + changed_weight + left
    local detail = 'Job ' .. dependency_id .. ', for which this job waited, ' .. outcomes[status] .. '.'
    redis.call('HSET', key_text(id), 'error',
      cjson.encode({type = 'dependency-failed', detail = detail, job = dependency_id}))
    finalize_job(id, job, 'cancelled')
    return true
  end
  if left > 0 then
    announce(id, job)
  else
    settled = settled + changed_weight
    stop_depending(id, job)
  end
  return false
end

-- Tell all dependents of a job how it ended, and the dependents of those that end with it. Beyond
-- the bound of one script, the housekeeper tells them.
local function settle(id, status)
  local ended, i = {{id, status}}, 1
  while ended[i] do
    local dependency_id, how = ended[i][1], ended[i][2]
    local dependents = key_dependents(dependency_id)
    local next_id = redis.call('ZRANGE', dependents, 0, 0)[1]
    while next_id and may_settle() do
      if settle_dependency(next_id, dependency_id, how) then
        ended[#ended + 1] = {next_id, 'cancelled'}
      end
      next_id = redis.call('ZRANGE', dependents, 0, 0)[1]
    end
    if next_id then leave_dependents(dependency_id, how) end
    i = i + 1
  end
end
