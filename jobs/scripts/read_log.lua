-- read_log: read the lines of a job's log after a line number.
--
-- KEYS     record  hash  the job
-- ARGV     job_id  str
--          after   int   line number, counted from 1 and including dropped lines
--          most    int   maximum number of lines
-- RETURNS  lines
-- EFFECT   reads
-- INCLUDES none
--
-- Numbers and lines are consistent, whatever is written or dropped in between. Also returns the
-- number of lines dropped, the number ever written, and the lines.
local log = key_log(job_id)
local dropped = tonumber(redis.call('HGET', record, 'log_dropped') or 0)
local first = math.max(after - dropped, 0)
local lines = redis.call('LRANGE', log, whole(first), whole(first + most - 1))
return answer('lines', dropped, dropped + redis.call('LLEN', log), lines)
