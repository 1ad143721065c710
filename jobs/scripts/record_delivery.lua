-- record_delivery: record the outcome of a delivery attempt, and schedule the next one.
--
-- KEYS     record       hash  the delivery
-- ARGV     delivery_id  str
--          token        str   the claim's token
--          outcome      str   delivered | again | failed | stopped
--          delay_ms     int   until the next attempt
--          code         str   the receiver's HTTP status; empty for none
--          problem      str   the reason for a failure; empty for none
--          line         str   line for the job's log
--          max_lines   int   maximum size of the log
--          max_bytes   int
-- RETURNS  delivered | again | failed | stopped | stale
-- EFFECT   changes
-- INCLUDES record, delivery
--
-- Only the dispatcher that holds the delivery records its outcome, and only once; a repeat gets the
-- same answer. 'stopped' also stops the owner's other pending deliveries to the same URL.
local delivery = read_delivery(delivery_id)
if not delivery then return answer('stale') end
if delivery.token == token then
  redis.call('HSET', record, 'recorded', token, 'last_ms', whole(now), 'last_code', code, 'last_problem', problem)
  redis.call('HINCRBY', key_delivery_counts(), outcome, 1)
  if delivery.kind == 'job' and redis.call('EXISTS', key_job(delivery.owner)) == 1 then
    local stamp = string.format('%.0f.%03d ', math.floor(now / 1000), now % 1000)
    append_log(delivery.owner, {stamp .. line}, max_lines, max_bytes)
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
