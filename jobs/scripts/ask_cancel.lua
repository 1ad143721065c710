-- ask_cancel: keep a confirmation for a cancel, and change nothing of the job.
--
-- KEYS     record        hash  the job
-- ARGV     job_id        str
--          confirmation  str   digest of the token, the job and the caller
--          lasts_ms      int   how long it may be used
-- RETURNS  asked | ended | missing
-- EFFECT   changes
-- INCLUDES record
--
-- Repeating it keeps it longer. Adds the time in ms until which it may be used.
local job = read_job(job_id)
if not job then return answer('missing') end
if is_final(job) then return answer('ended') end
local until_ms = whole(now + lasts_ms)
-- The time within decides, the TTL only tidies up.
redis.call('SET', key_confirmation(job_id, confirmation), until_ms, 'PX', whole(lasts_ms + 60000))
return answer('asked', until_ms)
