-- take_orphans: name the kept messages that a living worker can read by now.
--
-- KEYS     orphans        zset  kept messages by when they are looked at again
-- ARGV     newest_format  int   what the newest living worker can read
--          most           int   how many at once
--          again_ms       int   until those that are named are looked at again
--          look_ms        int   until the others are looked at again
--          window_ms      int   for how long one is kept since it was first met
-- RETURNS  taken
-- EFFECT   changes
-- INCLUDES orphan
--
-- One whose job has a record by now was read by somebody and goes; one that is too old is dropped.
-- Both are counted. What is named stays until then, so that a lost publish loses nothing.
local readable = {}
for _, orphan in ipairs(redis.call('ZRANGE', orphans, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local said = redis.call('HMGET', key_orphan(orphan), 'since_ms', 'format', 'job')
  if not said[1] or tonumber(said[1]) + window_ms < now then
    drop_orphan(orphan, 'dropped')
  elseif redis.call('EXISTS', key_job(said[3])) == 1 then
    drop_orphan(orphan, 'read')
  else
    local is_readable = tonumber(said[2]) <= newest_format
    if is_readable then readable[#readable + 1] = orphan end
    redis.call('ZADD', orphans, now + (is_readable and again_ms or look_ms), orphan)
  end
end
return answer('taken', readable)
