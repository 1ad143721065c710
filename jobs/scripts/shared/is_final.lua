local function is_final(job)
  return job.status == 'succeeded' or job.status == 'failed' or job.status == 'cancelled'
end
