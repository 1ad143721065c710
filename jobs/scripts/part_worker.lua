-- part_worker: say that a worker has gone.
--
-- KEYS     workers   zset  worker ids by their last hello
-- ARGV     worker    str
--          lasts_ms  int   how long hellos of others are good for
-- RETURNS  parted
--
-- It is in the fleet no more at once, and what only it knew or listened to is known no more.
redis.call('ZREM', workers, worker)
redis.call('DEL', key_worker(worker))
count_threads(lasts_ms)
return answer('parted')
