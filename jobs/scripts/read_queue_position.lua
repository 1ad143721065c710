-- read_queue_position: say which position a queued job has, and among what.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
-- RETURNS  queued | blocked | elsewhere
-- EFFECT   reads
-- INCLUDES outbox, slot
--
-- Queued it waits for a worker; adds its position from 1 and how many jobs run. Blocked it waits at
-- a slot; adds its position there and how many places the slot has. Elsewhere it is not queued.
local said = redis.call('HMGET', record, 'status', 'queue', 'blocked_on')
if said[1] ~= 'queued' then return answer('elsewhere') end
if not said[3] then return answer('queued', position_in_queue(job_id, {queue = said[2]})) end
local before = redis.call('ZRANK', key_waiting(said[3]), job_id)
return answer('blocked', before and before + 1, limit_of(said[3]))
