-- find_place: say which place a queued job has, and among what.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
-- RETURNS  line | parked | elsewhere
--
-- In line it waits for a worker; adds its place from 1 and how many jobs run. Parked it waits at
-- a slot; adds its place there and how many places the slot has. Elsewhere it is not queued.
local said = redis.call('HMGET', record, 'status', 'queue', 'parked_on')
if said[1] ~= 'queued' then return answer('elsewhere') end
if not said[3] then return answer('line', place_in_line(job_id, {queue = said[2]})) end
local before = redis.call('ZRANK', key_waiting(said[3]), job_id)
return answer('parked', before and before + 1, limit_of(said[3]))
