-- Whether the unique key of an active job names it; gives what is wrong, or nil.
--
-- A key that names another active job stays: which of the two is to go, only people can say.
local function examine_unique(id, job, repair)
  if not job.fingerprint or is_final(job) then return nil end
  local unique = key_unique(job.tenant, job.operation, job.fingerprint)
  local named = redis.call('GET', unique)
  if named == id then return nil end
  local other = named and read_job(named)
  if other and other.status and not is_final(other) then return 'conflict' end
  if repair then redis.call('SET', unique, id) end
  return 'unique'
end
