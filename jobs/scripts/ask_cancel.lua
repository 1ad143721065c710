-- ask_cancel: store the confirmation for a cancel, without changing the job.
--
-- KEYS     record        hash  the job
-- ARGV     job_id        str
--          confirmation  str   digest of the token, the job and the caller
--          lasts_ms      int   how long the confirmation is valid
-- RETURNS  asked | ended | missing
-- EFFECT   changes
-- INCLUDES record
--
-- A repeat extends the confirmation. Also returns the time in ms at which it expires.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then return answer('ended') end
local until_ms = whole(now + lasts_ms)
-- The stored time decides; the TTL only removes the key later.
redis.call('SET', key_confirmation(job_id, confirmation), until_ms, 'PX', whole(lasts_ms + 60000))
return answer('asked', until_ms)
