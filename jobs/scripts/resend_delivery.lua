-- resend_delivery: restart a delivery now, with all its attempts.
--
-- KEYS     record       hash  the delivery
-- ARGV     delivery_id  str
--          owner        str   the job or batch to which it must belong
-- RETURNS  resent | busy | missing
-- EFFECT   changes
-- INCLUDES delivery
--
-- The delivery keeps its id, so the receiver recognises it. 'busy' means that an attempt is in
-- progress; nothing has changed.
local delivery = read_delivery(delivery_id)
if not delivery or delivery.owner ~= owner then return answer('missing') end
local lease_end = tonumber(redis.call('ZSCORE', key_delivering(delivery.host), delivery_id))
if lease_end and lease_end > now then return answer('busy') end
redis.call('PERSIST', record)
redis.call('HSET', record, 'attempts', '0')
schedule_attempt(delivery_id, delivery, now)
return answer('resent')
