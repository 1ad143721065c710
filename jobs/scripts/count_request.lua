-- count_request: count one request against its tenant's quota.
--
-- KEYS     rate            string  the tenant's theoretical arrival time
-- ARGV     rate_requests   int     requests per window
--          rate_window_ms  int
--          rate_cost       int     1, or 0 to read the quota without counting
-- RETURNS  counted | limited
-- EFFECT   changes
-- INCLUDES rate
--
-- A limited request costs nothing. Also returns how many more requests fit now, and in how many ms
-- one more will.
local counted, left, reset_ms = count_rate(rate, rate_requests, rate_window_ms, rate_cost)
return answer(counted and 'counted' or 'limited', left, reset_ms)
