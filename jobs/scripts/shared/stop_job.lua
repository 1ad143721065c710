-- End a job that does not run; tell one that runs, through the channel and by each heartbeat.
local function stop_job(id, job)
  if job.status == 'scheduled' or job.status == 'queued' then
    end_job(id, job, 'cancelled')
    return 'cancelled'
  end
  if job.status == 'running' then
    set_status(id, job, 'cancelling')
    announce(id, job)
  end
  redis.call('PUBLISH', channel_cancels, id)
  return 'cancelling'
end
