-- keep_orphan: keep a message that has no record and that only a newer version can read.
--
-- KEYS     orphans     zset   kept messages by when they are looked at again
-- ARGV     orphan      str    names the message by its content
--          fields     json   queue, operation, job and format, all strings
--          body       bytes  the message
--          delay_ms   int    until it is looked at again
--          window_ms  int    for how long it is kept since it was first met
--          most       int    how many are kept
-- RETURNS  kept | dropped
-- EFFECT   grows
-- INCLUDES orphan
--
-- Once it answers, the message need not stay in its queue. What is too old or too much is dropped
-- and counted.
local key = key_orphan(orphan)
local since = tonumber(redis.call('HGET', key, 'since_ms'))
if (since and since + window_ms < now) or (not since and redis.call('ZCARD', orphans) >= most) then
  drop_orphan(orphan, 'dropped')
  return answer('dropped')
end
for name, value in pairs(fields) do redis.call('HSET', key, name, value) end
redis.call('HSET', key, 'body', body, 'since_ms', whole(since or now))
redis.call('ZADD', orphans, now + delay_ms, orphan)
return answer('kept')
