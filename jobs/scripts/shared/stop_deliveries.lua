-- Let nothing more go from the owner of a delivery to its address.
local function stop_deliveries(delivery)
  local list = delivery.kind == 'batch' and key_batch_deliveries(delivery.owner)
    or key_job_deliveries(delivery.owner)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local other = read_delivery(id)
    if other and other.status == 'pending' and other.url == delivery.url then
      end_delivery(id, other, 'stopped')
    end
  end
end
