-- examine_line: find the entries of a line that no record gives a place in it.
--
-- KEYS     line           zset  jobs, or their places in a slot
-- ARGV     members        json  list of entries
--          mend           int   1 removes what does not belong there, 0 changes nothing
--          newest_format  int   what this version can read
-- RETURNS  examined
--
-- Decided and removed in one step with the record, so an entry that has become right stays. A place
-- that becomes free is handed on. An entry of a job of a newer format is left to who can read it.
-- Adds {member, status} for each, with no status where no record is.
local found = {}
for _, member in ipairs(members) do
  local id = string.match(member, '^[^:]+')
  local job = read_job(id)
  local known = job and job.status
  local right = known
    and (tonumber(job.format or 1) > newest_format or belongs(line, member, id, job))
  if redis.call('ZSCORE', line, member) and not right then
    found[#found + 1] = {member, known or ''}
    if mend == 1 then redis.call('ZREM', line, member) end
  end
end
local slot = string.match(string.sub(line, #ns + 1), '^slot:(.*)$')
if slot and mend == 1 and #found > 0 then hand_over(slot) end
return answer('examined', found)
