-- job: a job stopped or ended.
--
-- INCLUDES  record, final, settling

-- The one way to a final status: what waits for the job is told in the same step.
local function end_job(id, job, status)
  finalize_job(id, job, status)
  settle(id, status)
end

-- End a job that does not run; tell one that runs, through the channel and by each heartbeat.
-- A forced one is ended at once where its operation's isolation allows that, and for good.
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
  -- A message of its own: workers of older versions take the whole text for an id.
  if forced then redis.pcall('PUBLISH', channel_cancels, id .. ' force') end
  return 'cancelling'
end
