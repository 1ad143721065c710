-- record_delivery: record how an attempt to deliver ended, and what follows.
--
-- KEYS     record       hash  the delivery
-- ARGV     delivery_id  str
--          token        str   of the claim
--          outcome      str   delivered | again | failed | stopped
--          delay_ms     int   until the next attempt
--          code         str   the status that the receiver answered; empty for none
--          problem      str   what went wrong; empty for nothing
--          line         str   for the log of the job
--          most_lines   int   the log's bounds
--          most_bytes   int
-- RETURNS  delivered | again | failed | stopped | stale
-- EFFECT   changes
-- INCLUDES record, delivery
--
-- Only the dispatcher that holds the delivery records its outcome, and once; repeated, it answers as the first
-- time. Stopped stops what else of the same owner waits for the same address, too.
local delivery = read_delivery(delivery_id)
if not delivery then return answer('stale') end
if delivery.token == token then
  redis.call('HSET', record, 'recorded', token, 'last_ms', whole(now), 'last_code', code, 'last_problem', problem)
  redis.call('HINCRBY', key_delivery_counts(), outcome, 1)
  if delivery.kind == 'job' and redis.call('EXISTS', key_job(delivery.owner)) == 1 then
    local stamp = string.format('%.0f.%03d ', math.floor(now / 1000), now % 1000)
    append_log(delivery.owner, {stamp .. line}, most_lines, most_bytes)
  end
  if outcome == 'again' then
    schedule_attempt(delivery_id, delivery, now + delay_ms)
  else
    end_delivery(delivery_id, delivery, outcome)
  end
  if outcome == 'stopped' then stop_deliveries(delivery) end
elseif delivery.recorded ~= token then
  return answer('stale')
end
if outcome == 'again' then return answer('again') end
if outcome == 'stopped' then return answer('stopped') end
return answer(outcome == 'delivered' and 'delivered' or 'failed')
