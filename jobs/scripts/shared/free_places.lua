local function free_places(slot)
  return limit_of(slot) - redis.call('ZCARD', key_slot(slot))
end
