-- Whether the record of some job of the batch that has ended is still kept.
local function has_ended_jobs(id)
  for _, status in ipairs({'succeeded', 'failed', 'cancelled'}) do
    if redis.call('EXISTS', key_batch_status(id, status)) == 1 then return true end
  end
  return false
end
