-- confirm_wakeups: remove the outbox entries whose message RabbitMQ has confirmed.
--
-- KEYS     outbox   zset  jobs whose wake-up is unconfirmed
-- ARGV     wakeups  json  list of {job_id, number}
-- RETURNS  confirmed
-- EFFECT   changes
-- INCLUDES record, outbox
--
-- An entry is removed only if its number is unchanged: a later wake-up stays.
for _, wakeup in ipairs(wakeups) do
  local job = read_job(wakeup[1])
  if not job then
    redis.call('ZREM', outbox, wakeup[1])
  elseif tonumber(job.wakeup) == tonumber(wakeup[2]) and redis.call('ZREM', outbox, wakeup[1]) == 1 then
    if job.status == 'queued' and not job.blocked_on then
      await_message(wakeup[1], job)
      note('confirmed', wakeup[1])
    end
  end
end
return answer('confirmed')
