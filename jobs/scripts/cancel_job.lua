-- cancel_job: end a job that does not run, ask one that runs to stop.
--
-- KEYS     record        hash  the job
-- ARGV     job_id        str
--          tenant        str   whose it must be; empty for anybody's
--          confirmation  str   digest of what `ask_cancel` kept; empty to cancel in one step
--          kept_ms       int   how long a used confirmation is kept
--          force         int   1 to give the function no time to stop
-- RETURNS  cancelled | cancelling | ended | stale | missing
-- EFFECT   changes
-- INCLUDES record, job
--
-- A job that no worker runs is final at once, wherever its message is. One that runs is told
-- through the channel and again by each heartbeat; every way out of cancelling ends it cancelled.
-- Only a cancel that says so is forced, never a repeat; no later one takes that back.
-- A confirmation is used up in the same step; with a used one the answer is as the first time.
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
