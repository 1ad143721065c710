-- limit_slots: set the number of places of slots.
--
-- KEYS     limits  hash  places by source and slot
-- ARGV     source  str   declared (by the code), operator (wins) or pause (wins over both)
--          places  json  places for each slot, as strings; empty removes the limit of that source
-- RETURNS  limited
-- EFFECT   changes
-- INCLUDES slot, blocked
--
-- A raised limit unblocks jobs at once. With a lowered one, running jobs continue.
for slot, number in pairs(places) do
  note('limited', source, slot, number)
  if number == '' and source == 'declared' then
    -- A number, not a deletion, so that a claim by an older version cannot restore the limit.
    redis.call('HSET', limits, 'declared:' .. slot, '1000000000')
  elseif number == '' then
    redis.call('HDEL', limits, source .. ':' .. slot)
  else
    redis.call('HSET', limits, source .. ':' .. slot, number)
  end
  unblock_next(slot)
  for _, waited in ipairs(redis.call('SMEMBERS', key_waited())) do
    if value_class_of(waited) == slot then unblock_next(waited) end
  end
end
return answer('limited')
