-- rate: how many requests a tenant has left.
--
-- INCLUDES  none

-- GCRA: count `cost` requests against a rate, unless that is more than it has left.
--
-- Gives whether they were counted, how many more fit now, and in how many ms there is one more.
-- The key holds the theoretical arrival time as whole ms, a point, and parts of a ms of which
-- there are `requests`: no rounding, however short the interval. No rate, 0 requests, takes all.
local function count_rate(rate, requests, window_ms, cost)
  if requests == 0 then return true, 0, 0 end
  local capacity = requests * window_ms
  local ms, parts = string.match(redis.call('GET', rate) or '', '^(%d+)%.(%d+)$')
  local owed = ms and (tonumber(ms) - now) * requests + tonumber(parts) or 0
  -- More than this rate can owe comes from another rate or clock, and must not last.
  local used = math.max(0, math.min(owed, capacity))
  local counted = used + cost * window_ms <= capacity
  if counted then used = used + cost * window_ms end
  if owed > capacity or (counted and cost > 0) then
    local whole_ms = math.floor(used / requests)
    local arrival = whole(now + whole_ms) .. '.' .. whole(used - whole_ms * requests)
    redis.call('SET', rate, arrival, 'PX', whole(window_ms + 60000))
  end
  local left = math.floor((capacity - used) / window_ms)
  local missing = used > 0 and (left + 1) * window_ms - (capacity - used) or 0
  return counted, left, math.ceil(missing / requests)
end
