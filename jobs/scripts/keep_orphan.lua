-- keep_orphan: keep a message that has no record and that only a newer version can read.
--
-- KEYS     orphans    zset   kept messages by their next check
-- ARGV     orphan     str    the message's id, derived from its content
--          fields     json   queue, operation, job and format, all strings
--          body       bytes  the message
--          delay_ms   int    until the next check
--          window_ms  int    how long a message is kept after it was first received
--          most       int    maximum number of kept messages
-- RETURNS  kept | dropped
-- EFFECT   grows
-- INCLUDES orphan
--
-- After either answer, the message need not stay in its queue. A message that is too old, or
-- exceeds the maximum, is dropped and counted.
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
