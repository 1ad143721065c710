-- save_state: store the state that a running attempt saves for the next one.
--
-- KEYS     record   hash   the job
-- ARGV     job_id   str
--          attempt  int
--          token    str
--          state    bytes  encoded
-- RETURNS  saved | stale
-- EFFECT   grows
-- INCLUDES record, lease
--
-- Only the attempt that holds the lease can write, so a stale one never overwrites a newer state.
-- The state is deleted when the job ends.
local job = read_job(job_id)
if not job or not holds_fence(job, attempt, token) then return answer('stale') end
redis.call('SET', key_saved(job_id), state)
note('saved', job_id, attempt, token)
if not job.saved then redis.call('HSET', record, 'saved', '1') end
return answer('saved')
