-- heartbeat_worker: record that a worker is alive, its operations and its state.
--
-- KEYS     workers     zset  worker ids by their last heartbeat
-- ARGV     worker      str
--          fields      json  host, pid, version, queues, threads and so on, all strings
--          operations  json  names of the operations that this worker knows
--          lasts_ms    int   how long a heartbeat is valid
-- RETURNS  joined | recorded
-- EFFECT   changes
-- INCLUDES lease
--
-- A worker without a valid heartbeat expires by itself.
redis.call('ZADD', workers, now, worker)
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - lasts_ms)
for name, value in pairs(fields) do redis.call('HSET', key_worker(worker), name, value) end
local joined = redis.call('HSETNX', key_worker(worker), 'since_ms', whole(now)) == 1
redis.call('HSET', key_worker(worker), 'heartbeat_ms', whole(now))
redis.call('PEXPIRE', key_worker(worker), lasts_ms)
count_threads(lasts_ms)
for _, operation in ipairs(operations) do redis.call('ZADD', key_operations(), now, operation) end
return answer(joined and 'joined' or 'recorded')
