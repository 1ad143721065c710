-- orphan: messages that have no record.
--
-- INCLUDES  none

-- Remove a kept message, and count the reason.
local function drop_orphan(orphan, why)
  redis.call('DEL', key_orphan(orphan))
  redis.call('ZREM', key_orphans(), orphan)
  redis.call('HINCRBY', key_orphan_counts(), why, 1)
end
