-- keep_body: store the body of a delivery, so that every attempt sends the same one.
--
-- KEYS     record  hash   the delivery
-- ARGV     token   str    of the claim
--          body    bytes
-- RETURNS  kept | stale
-- EFFECT   changes
-- INCLUDES none
--
-- The first body stays. A dispatcher that does not hold the delivery stores nothing.
if redis.call('HGET', record, 'token') ~= token then return answer('stale') end
redis.call('HSETNX', record, 'body', body)
return answer('kept')
