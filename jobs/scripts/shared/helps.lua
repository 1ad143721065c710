-- Whether one more reservation helps: a thread is free to claim it, or its operation has none yet,
-- which keeps a job at hand for the next thread. While nobody knows of threads, it does.
local function helps(job)
  local free = free_threads()
  if not free or redis.call('ZCARD', key_reservations()) <= free then return true end
  return redis.call('ZCOUNT', key_slot('operation:' .. job.operation), 0, '+inf') == 0
end
