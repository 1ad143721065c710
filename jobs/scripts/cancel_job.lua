-- cancel_job: end a job that is not running, or ask a running job to stop.
--
-- KEYS     record        hash  the job
-- ARGV     job_id        str
--          tenant        str   the job's required owner; empty for any
--          confirmation  str   the digest that `ask_cancel` stored; empty to cancel in one step
--          kept_ms       int   how long a used confirmation is kept
--          force         int   1 to allow the function no time to stop
-- RETURNS  cancelled | cancelling | ended | stale | missing
-- EFFECT   changes
-- INCLUDES record, job
--
-- A job that no worker runs is final at once, wherever its message is. A running job is notified
-- through the channel and again by each heartbeat, and always ends cancelled. Only an explicit
-- request forces a cancel, never a repeat; no later request undoes it. The same step uses up the
-- confirmation; a repeat with a used confirmation gets the same answer as the first call.
local job = read_job(job_id)
if not job or (tenant ~= '' and job.tenant ~= tenant) then return answer('missing') end
local key = confirmation ~= '' and key_confirmation(job_id, confirmation)
local kept = key and redis.call('GET', key)
local used = kept == 'used'
if is_final(job) then return answer(used and 'cancelled' or 'ended') end
if key then
  if not used and (not kept or tonumber(kept) < now) then return answer('stale') end
  redis.call('SET', key, 'used', 'PX', whole(kept_ms))
end
return answer(stop_job(job_id, job, force == 1))
