-- Whether what a record says puts its job's entry into this line.
local function belongs(line, member, id, job)
  local waits = job.status == 'queued' and not job.parked_on
  if line == key_outbox() then return waits end
  if line == key_awaiting(job.queue) then return waits and not redis.call('ZSCORE', key_outbox(), id) end
  for _, right in ipairs(lines_of(id, job, 0)) do
    if right.key == line and right.member == member then return true end
  end
  return false
end
