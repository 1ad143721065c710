-- examine_jobs: compare job records with everything derived from them.
--
-- KEYS     record         hash  the first of the jobs
-- ARGV     job_ids        json  list of ids
--          lease_ms       int   the lease that the repair writes for a running job without one
--          repair         int   1 writes what is missing, 0 changes nothing
--          newest_format  int   the newest format that this version can read
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES record, file, repair
--
-- The record is the truth: what is missing is derived from it, so a repeat finds no more faults. A
-- record of a newer format is left to newer versions. A record without a status is a fragment of a
-- job, and the repair removes it. Also returns {job_id, status, faults} for each job with a fault:
-- the keys of the sets that lack it, without their prefix, or dependencies, wakeup, waited, unique,
-- conflict (not repaired), batch or fragment.
local found, repairs = {}, repair == 1
for _, id in ipairs(job_ids) do
  local job = read_job(id)
  local faults = {}
  if job and tonumber(job.format or 1) > newest_format then
    faults = {}
  elseif job and job.status then
    faults = examine_job(id, job, lease_ms, repairs)
  elseif job then
    faults = {'fragment'}
    if repairs then
      release_files(id)
      delete_record(id)
    end
  end
  if #faults > 0 then found[#found + 1] = {id, job.status or '', faults} end
end
return answer('examined', found)
