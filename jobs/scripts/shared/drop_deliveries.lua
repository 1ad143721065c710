-- Forget an owner's deliveries; with `rendered_go_on` those that need the owner no more are left.
local function drop_deliveries(list, rendered_go_on)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local delivery = read_delivery(id)
    local goes_on = rendered_go_on and delivery and delivery.status == 'pending' and delivery.rendered
    if delivery and not goes_on then
      unschedule_attempt(id, delivery)
      redis.call('DEL', key_delivery(id))
    end
  end
  redis.call('DEL', list)
end
