-- take_orphans: name the kept messages that a live worker can now read.
--
-- KEYS     orphans        zset  kept messages by their next check
-- ARGV     newest_format  int   the newest format that a live worker can read
--          most           int   maximum number of messages per call
--          again_ms       int   until the next check of the named messages
--          look_ms        int   until the next check of the others
--          window_ms      int   how long a message is kept after it was first received
-- RETURNS  taken
-- EFFECT   changes
-- INCLUDES orphan
--
-- A message whose job now has a record was read and is removed; one that is too old is dropped.
-- Both are counted. A named message stays until one of these happens, so a lost publish loses
-- nothing.
local readable = {}
for _, orphan in ipairs(redis.call('ZRANGE', orphans, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local known = redis.call('HMGET', key_orphan(orphan), 'since_ms', 'format', 'job')
  if not known[1] or tonumber(known[1]) + window_ms < now then
    drop_orphan(orphan, 'dropped')
  elseif redis.call('EXISTS', key_job(known[3])) == 1 then
    drop_orphan(orphan, 'read')
  else
    local is_readable = tonumber(known[2]) <= newest_format
    if is_readable then readable[#readable + 1] = orphan end
    redis.call('ZADD', orphans, now + (is_readable and again_ms or look_ms), orphan)
  end
end
return answer('taken', readable)
