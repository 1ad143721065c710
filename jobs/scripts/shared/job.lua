-- job: stops or ends a job.
--
-- INCLUDES  record, final, settling

-- End a job, and tell its dependents in the same step. Every final status is set here.
local function end_job(id, job, status)
  finalize_job(id, job, status)
  settle(id, status)
end

-- End a job that is not running; notify a running one, through the channel and by each heartbeat.
-- A forced cancel stops it at once if its operation's isolation allows that, and cannot be undone.
local function stop_job(id, job, forced)
  if IS_WAITING[job.status] then
    end_job(id, job, 'cancelled')
    return 'cancelled'
  end
  if job.status == 'running' then
    set_status(id, job, 'cancelling')
    announce(id, job)
  end
  if forced and not job.forced then
    job.forced = '1'
    redis.call('HSET', key_job(id), 'forced', '1')
  end
  redis.pcall('PUBLISH', channel_cancels, id)
  -- A separate message: workers of older versions read the whole text as an id.
  if forced then redis.pcall('PUBLISH', channel_cancels, id .. ' force') end
  return 'cancelling'
end
