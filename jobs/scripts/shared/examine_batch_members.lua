-- The members of a batch's sets whose record says that they are not there; repaired, they go.
local function examine_batch_members(batch_id, repair)
  local wrong = 0
  for _, status in ipairs({
    'scheduled', 'queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'}) do
    local members = key_batch_status(batch_id, status)
    for _, id in ipairs(redis.call('SMEMBERS', members)) do
      local known = redis.call('HMGET', key_job(id), 'status', 'batch_id')
      if known[1] ~= status or known[2] ~= batch_id then
        wrong = wrong + 1
        if repair then redis.call('SREM', members, id) end
      end
    end
  end
  return wrong
end
