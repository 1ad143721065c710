-- How many places a slot has: a pause wins, then an operator's word, then the declared number;
-- no limit at all is a huge one.
local function limit_of(slot)
  local limits = redis.call(
    'HMGET', key_limits(), 'pause:' .. slot, 'operator:' .. slot, 'declared:' .. slot)
  return tonumber(limits[1] or limits[2] or limits[3] or 1e9)
end
