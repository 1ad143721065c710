-- read_log: give the lines of a job's log that come after a number.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
--          after   int   lines are counted from 1, those that were dropped too
--          most    int   how many at once
-- RETURNS  lines
-- EFFECT   reads
-- INCLUDES none
--
-- Numbers and lines belong together, whatever is written or dropped meanwhile. Adds how many were
-- dropped, how many were ever written, and the lines.
local log = key_log(job_id)
local dropped = tonumber(redis.call('HGET', record, 'log_dropped') or 0)
local first = math.max(after - dropped, 0)
local lines = redis.call('LRANGE', log, whole(first), whole(first + most - 1))
return answer('lines', dropped, dropped + redis.call('LLEN', log), lines)
