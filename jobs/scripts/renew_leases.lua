-- renew_leases: extend the leases of all runs of one worker.
--
-- KEYS     leases    zset  running jobs by lease end
-- ARGV     fences    json  list of {job_id, attempt, token}
--          lease_ms  int   from now
-- RETURNS  renewed
-- EFFECT   changes
-- INCLUDES record, lease
--
-- A reaped lease is never revived. Also returns one word for each fence, in order: kept, cancel
-- (kept, but the job must stop), force (it must stop at once), lost, or missing (Redis lost the
-- record).
local words = {}
for i, fence in ipairs(fences) do
  local job = read_job(fence[1])
  if not job then
    words[i] = 'missing'
  elseif not holds_fence(job, tonumber(fence[2]), fence[3]) then
    words[i] = 'lost'
  else
    redis.call('ZADD', leases, now + lease_ms, fence[1])
    note('renewed', fence[1], job.attempt, now + lease_ms, fence[3])
    local stop = job.forced and 'force' or 'cancel'
    words[i] = job.status == 'cancelling' and stop or 'kept'
  end
end
return answer('renewed', words)
