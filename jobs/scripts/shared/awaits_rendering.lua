-- Whether one of the owner's events is still to be written down from what its record says.
local function awaits_rendering(list)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local delivery = read_delivery(id)
    if delivery and delivery.status == 'pending' and not delivery.rendered then return true end
  end
  return false
end
