-- Free the unique key, but only if it names this job.
local function release_unique(id, job)
  if not job.fingerprint then return end
  local unique = key_unique(job.tenant, job.operation, job.fingerprint)
  if redis.call('GET', unique) == id then redis.call('DEL', unique) end
end
