-- A delivery as a table, without its body but whether it has one; nil when there is none.
local function read_delivery(id)
  local names = {'kind', 'owner', 'host', 'url', 'status', 'token', 'recorded'}
  local values = redis.call('HMGET', key_delivery(id), unpack(names))
  if not values[1] then return nil end
  local delivery = {rendered = redis.call('HEXISTS', key_delivery(id), 'body') == 1}
  for i, name in ipairs(names) do delivery[name] = values[i] or nil end
  return delivery
end
