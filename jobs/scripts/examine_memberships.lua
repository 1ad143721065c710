-- examine_memberships: find the entries of a sorted set that no record expects there.
--
-- KEYS     members_key    zset  jobs, or their places in a slot
-- ARGV     members        json  list of entries
--          repair         int   1 removes unexpected entries, 0 changes nothing
--          newest_format  int   the newest format that this version can read
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES record, blocked, repair
--
-- One step reads the record and removes the entry, so an entry that has become right stays. A
-- freed place goes to the next job. Entries of jobs of a newer format are left to newer versions.
-- Also returns {member, status} for each unexpected entry; the status is empty without a record.
local found = {}
for _, member in ipairs(members) do
  local id = string.match(member, '^[^:]+')
  local job = read_job(id)
  local known = job and job.status
  local right = known
    and (tonumber(job.format or 1) > newest_format or is_expected_member(members_key, member, id, job))
  if redis.call('ZSCORE', members_key, member) and not right then
    found[#found + 1] = {member, known or ''}
    if repair == 1 then redis.call('ZREM', members_key, member) end
  end
end
local slot = string.match(string.sub(members_key, #ns + 1), '^slot:(.*)$')
if slot and repair == 1 and #found > 0 then unblock_next(slot) end
return answer('examined', found)
