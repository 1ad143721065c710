-- remove_worker: remove a worker that stops.
--
-- KEYS     workers   zset  worker ids by their last heartbeat
-- ARGV     worker    str
--          lasts_ms  int   how long heartbeats of others are good for
-- RETURNS  removed
-- EFFECT   changes
-- INCLUDES lease
--
-- It is not listed any more at once, and what only it knew or listened to is known no more.
redis.call('ZREM', workers, worker)
redis.call('DEL', key_worker(worker))
count_threads(lasts_ms)
return answer('removed')
