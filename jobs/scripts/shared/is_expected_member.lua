-- Whether what a record says expects this entry of its job in this sorted set.
local function is_expected_member(key, member, id, job)
  local waits = job.status == 'queued' and not job.blocked_on
  if key == key_outbox() then return waits end
  if key == key_awaiting(job.queue) then return waits and not redis.call('ZSCORE', key_outbox(), id) end
  for _, right in ipairs(expected_memberships(id, job, 0)) do
    if right.key == key and right.member == member then return true end
  end
  return false
end
