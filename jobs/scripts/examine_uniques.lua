-- examine_uniques: find the unique keys that name no active job with their fingerprint.
--
-- KEYS     record   string  the first of the keys
-- ARGV     uniques  json    list of {tenant, operation, fingerprint}
--          repair     int     1 removes them, 0 changes nothing
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES record
--
-- One step reads the record and removes the key, so a key that a new job has taken stays. Also
-- returns {job_id, status} for each such key; the status is empty without a record.
local found = {}
for _, unique in ipairs(uniques) do
  local key = key_unique(unique[1], unique[2], unique[3])
  local id = redis.call('GET', key)
  local job = id and read_job(id)
  local known = job and job.status
  local right = known and not is_final(job) and job.fingerprint == unique[3]
  if id and not right then
    found[#found + 1] = {id, known or ''}
    if repair == 1 then redis.call('DEL', key) end
  end
end
return answer('examined', found)
