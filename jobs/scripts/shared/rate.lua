-- rate: the quota of requests of a tenant.
--
-- INCLUDES  none

-- Count `cost` requests against a quota by GCRA, unless they exceed what is left of it.
--
-- Returns whether they were counted, how many more fit now, and in how many ms one more will.
-- The key holds the theoretical arrival time as whole ms, a point, and a fraction in units of
-- 1/`requests` ms, so that no interval is rounded. Without a quota (0 requests), all are counted.
local function count_rate(rate, requests, window_ms, cost)
  if requests == 0 then return true, 0, 0 end
  local capacity = requests * window_ms
  local ms, parts = string.match(redis.call('GET', rate) or '', '^(%d+)%.(%d+)$')
  local owed = ms and (tonumber(ms) - now) * requests + tonumber(parts) or 0
  -- More than this quota can owe comes from an earlier quota or clock, and must not persist.
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
