-- examine_deliveries: compare deliveries with the sets in which they wait.
--
-- KEYS     hosts       zset  hosts by the time at which their next attempt may begin
-- ARGV     deliveries  json  list of {host, delivery_id}; host is empty for an id from a record
--          repair      int   1 repairs the faults, 0 changes nothing
-- RETURNS  examined
-- EFFECT   changes
-- INCLUDES delivery
--
-- The repair schedules a pending delivery that waits in no set, so it may be sent once more, and
-- removes an entry without a record. A repeat finds no more faults. Also returns
-- {delivery_id, fault} for each: waiting, ended, missing or host.
local found, repairs = {}, repair == 1
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
    if fault and repairs then unschedule_attempt(id, {host = host}) end
    if fragment and repairs then redis.call('DEL', key_delivery(id)) end
  elseif delivery.status == 'pending' and not stands then
    fault = 'waiting'
    if repairs then schedule_attempt(id, delivery, now) end
  elseif delivery.status ~= 'pending' and stands then
    fault = 'ended'
    if repairs then unschedule_attempt(id, delivery) end
  elseif stands and not redis.call('ZSCORE', hosts, host) then
    fault = 'host'
    if repairs then expect_host(host) end
  end
  if fault then found[#found + 1] = {id, fault} end
end
return answer('examined', found)
