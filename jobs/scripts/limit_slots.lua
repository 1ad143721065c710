-- limit_slots: say how many places slots have.
--
-- KEYS     limits  hash  places by source and slot
-- ARGV     source  str   declared (by the code), operator (wins) or pause (wins over both)
--          places  json  slot to number as a string; empty removes the limit of that source
-- RETURNS  limited
-- EFFECT   changes
-- INCLUDES slot, blocked
--
-- A raised limit starts waiting jobs at once. A lowered one lets those that run run on.
for slot, number in pairs(places) do
  note('limited', source, slot, number)
  if number == '' and source == 'declared' then
    -- Kept as a number, so that a claim of an older version does not bring its limit back.
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
