-- examine_deliveries: compare some deliveries with the lines in which they wait.
--
-- KEYS     hosts       zset  hosts by when a next attempt may begin
-- ARGV     deliveries  json  list of {host, delivery_id}; no host for one that a record told of
--          mend        int   1 mends what is wrong, 0 changes nothing
-- RETURNS  examined
--
-- A pending one that waits nowhere is lined up, so it may be sent once more. An entry without a
-- record goes. A repeat finds nothing more to mend. Adds {delivery_id, fault} for each: waiting,
-- ended, missing or host.
local found, mends = {}, mend == 1
for _, each in ipairs(deliveries) do
  local host, id = each[1], each[2]
  local delivery = read_delivery(id)
  local known = delivery and delivery.status and delivery.host
  if host == '' then host = known or host end
  local stands = redis.call('ZSCORE', key_deliveries(host), id)
    or redis.call('ZSCORE', key_delivering(host), id)
  local fault
  if not known or known ~= host then
    local fragment = not known and redis.call('EXISTS', key_delivery(id)) == 1
    fault = (stands or fragment) and 'missing'
    if fault and mends then leave_line(id, {host = host}) end
    if fragment and mends then redis.call('DEL', key_delivery(id)) end
  elseif delivery.status == 'pending' and not stands then
    fault = 'waiting'
    if mends then line_up_delivery(id, delivery, now) end
  elseif delivery.status ~= 'pending' and stands then
    fault = 'ended'
    if mends then leave_line(id, delivery) end
  elseif stands and not redis.call('ZSCORE', hosts, host) then
    fault = 'host'
    if mends then expect_host(host) end
  end
  if fault then found[#found + 1] = {id, fault} end
end
return answer('examined', found)
