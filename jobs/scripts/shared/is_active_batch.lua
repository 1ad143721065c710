-- Whether some job of the batch may still change.
local function is_active_batch(id)
  for _, status in ipairs({'queued', 'scheduled', 'running', 'cancelling'}) do
    if redis.call('EXISTS', key_batch_status(id, status)) == 1 then return true end
  end
  return false
end
