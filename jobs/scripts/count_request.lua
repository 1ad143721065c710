-- count_request: count one request against its tenant's rate.
--
-- KEYS     rate            string  the tenant's theoretical arrival time
-- ARGV     rate_requests   int     how many requests a window has
--          rate_window_ms  int
--          rate_cost       int     1, or 0 to look and count nothing
-- RETURNS  counted | limited
-- EFFECT   changes
-- INCLUDES rate
--
-- A request that is limited costs nothing. Adds how many more fit now, and in how many ms there
-- is one more.
local counted, left, reset_ms = count_rate(rate, rate_requests, rate_window_ms, rate_cost)
return answer(counted and 'counted' or 'limited', left, reset_ms)
