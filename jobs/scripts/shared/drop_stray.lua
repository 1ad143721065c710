-- Keep a message no more that had no record, and count what became of it.
local function drop_stray(stray, why)
  redis.call('DEL', key_stray(stray))
  redis.call('ZREM', key_strays(), stray)
  redis.call('HINCRBY', key_stray_counts(), why, 1)
end
