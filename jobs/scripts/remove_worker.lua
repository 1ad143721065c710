-- remove_worker: remove a stopping worker.
--
-- KEYS     workers   zset  worker ids by their last heartbeat
-- ARGV     worker    str
--          lasts_ms  int   how long the heartbeats of other workers are valid
-- RETURNS  removed
-- EFFECT   changes
-- INCLUDES lease
--
-- The worker leaves the listing at once, with the operations and queues that only it served.
redis.call('ZREM', workers, worker)
redis.call('DEL', key_worker(worker))
count_threads(lasts_ms)
return answer('removed')
