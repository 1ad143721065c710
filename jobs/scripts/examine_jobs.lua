-- examine_jobs: compare the records of some jobs with all that should follow from them.
--
-- KEYS     record         hash  the first of the jobs
-- ARGV     job_ids        json  list of ids
--          lease_ms       int   how long a running job is safe that lacks its lease
--          repair         int   1 writes what is lacking, 0 changes nothing
--          newest_format  int   what this version can read
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES record, file, repair
--
-- The record is the truth, and what is lacking follows from it: a repeat finds nothing more to repair.
-- A record of a newer format is left to who can read it. One that lacks its status is what was left
-- of a job, and goes. Adds {job_id, status, faults} for each job with a fault: the keys of the sets
-- in which it is not, without their prefix, or dependencies, wakeup, waited, unique, conflict (which
-- stays), batch or fragment.
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
