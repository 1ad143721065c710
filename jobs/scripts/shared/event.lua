-- event: queues the events of jobs and batches for their callback URLs.
--
-- INCLUDES  delivery

-- Return the host of a URL, without its port.
local function host_of(url)
  local authority = string.match(url, '^%a[%w+.-]*://([^/?#]*)') or ''
  return string.lower(string.match(authority, '^%[[^%]]*%]') or string.match(authority, '^[^:]*'))
end

-- Queue one event of a job or batch, if its callback asks for this event.
--
-- `owner` is {kind = 'job' or 'batch', id, tenant, callback, request_id, traceparent}, the callback
-- as the JSON text {url, events, base}; nothing is queued without one. The id is derived from owner
-- and event, so a repeated event is queued once. After a `410`, nothing more is sent to that URL.
local function queue_delivery(owner, event)
  local callback = owner.callback and cjson.decode(owner.callback)
  local asked = false
  for _, each in ipairs(callback and callback.events or {}) do asked = asked or each == event end
  if not asked then return end
  local id = 'msg_' .. string.gsub(owner.id, '-', '') .. '_' .. string.match(event, '%w+$')
  local record = key_delivery(id)
  local list = owner.kind == 'batch' and key_batch_deliveries(owner.id) or key_job_deliveries(owner.id)
  redis.call('LREM', list, 0, id)
  local stopped = false
  for _, other in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local known = redis.call('HMGET', key_delivery(other), 'status', 'url')
    stopped = stopped or (known[1] == 'stopped' and known[2] == callback.url)
  end
  redis.call('RPUSH', list, id)
  if redis.call('EXISTS', record) == 1 then return end
  local delivery = {host = host_of(callback.url)}
  redis.call('HSET', record, 'kind', owner.kind, 'owner', owner.id, 'tenant', owner.tenant,
    'type', event, 'event_ms', whole(now), 'url', callback.url, 'host', delivery.host,
    'base', callback.base, 'attempts', '0')
  for _, name in ipairs({'request_id', 'traceparent'}) do
    if owner[name] then redis.call('HSET', record, name, owner[name]) end
  end
  if stopped then end_delivery(id, delivery, 'stopped') else schedule_attempt(id, delivery, now) end
end

-- Queue the event of the job's current status, if its callback asks for it.
local function queue_job_delivery(id, job)
  local known = redis.call('HMGET', key_text(id), 'callback', 'request_id', 'traceparent')
  if not known[1] then return end
  queue_delivery({
    kind = 'job', id = id, tenant = job.tenant,
    callback = known[1], request_id = known[2], traceparent = known[3],
  }, 'job.' .. job.status)
end
