-- Whether this attempt holds the job's lease now: by number, by token, and by status.
local function holds_fence(job, attempt, token)
  return (job.status == 'running' or job.status == 'cancelling')
    and tonumber(job.attempt) == attempt and job.token == token
end
