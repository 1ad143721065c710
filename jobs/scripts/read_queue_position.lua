-- read_queue_position: read the position of a queued job, in its queue or at a slot.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
-- RETURNS  queued | blocked | elsewhere
-- EFFECT   reads
-- INCLUDES outbox, slot
--
-- 'queued': it waits for a worker; also returns its position, from 1, and the number of running
-- jobs. 'blocked': it waits at a slot; also returns its position there and the slot's number of
-- places. 'elsewhere': it is not queued.
local known = redis.call('HMGET', record, 'status', 'queue', 'blocked_on')
if known[1] ~= 'queued' then return answer('elsewhere') end
if not known[3] then return answer('queued', position_in_queue(job_id, {queue = known[2]})) end
return answer('blocked', position_at_slot(job_id, known[3]))
