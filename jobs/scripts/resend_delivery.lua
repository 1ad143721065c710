-- resend_delivery: let a delivery begin from the start, now.
--
-- KEYS     record       hash  the delivery
-- ARGV     delivery_id  str
--          owner        str   the job or batch that it must be of
-- RETURNS  resent | busy | missing
-- EFFECT   changes
-- INCLUDES delivery
--
-- Its id stays, so the receiver knows it again. Nothing happens while an attempt is under way.
local delivery = read_delivery(delivery_id)
if not delivery or delivery.owner ~= owner then return answer('missing') end
local lease_end = tonumber(redis.call('ZSCORE', key_delivering(delivery.host), delivery_id))
if lease_end and lease_end > now then return answer('busy') end
redis.call('PERSIST', record)
redis.call('HSET', record, 'attempts', '0')
schedule_attempt(delivery_id, delivery, now)
return answer('resent')
