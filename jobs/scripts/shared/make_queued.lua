-- The job may run now: from scheduled, or back from a worker.
local function make_queued(id, job)
  redis.call('ZREM', key_due(), id)
  redis.call('ZREM', key_leases(), id)
  set_status(id, job, 'queued')
  wake(id, job)
  announce(id, job)
end
