-- keep_body: keep what a delivery says, so that each further attempt says the same.
--
-- KEYS     record  hash   the delivery
-- ARGV     token   str    of the claim
--          body    bytes
-- RETURNS  kept | stale
-- EFFECT   changes
-- INCLUDES none
--
-- The first body stays. Whoever does not hold the delivery keeps nothing.
if redis.call('HGET', record, 'token') ~= token then return answer('stale') end
redis.call('HSETNX', record, 'body', body)
return answer('kept')
