-- Every line in which a job stands, by what its record says, with its entry and score there.
--
-- In a slot the score says what the entry is, so there it must be `exact`.
local function lines_of(id, job, lease_ms)
  local lines = {}
  local function stands(key, score, member)
    lines[#lines + 1] = {key = key, member = member or id, score = score, exact = member ~= nil}
  end
  local labels = redis.call('HGET', key_text(id), 'labels') or nil
  for _, index in ipairs(indexes_of(job, {labels = labels})) do stands(index, job.created_ms) end
  if is_final(job) then
    stands(key_expiry(), job.expires_ms)
    return lines
  end
  stands(key_active(), job.created_ms)
  stands(key_active_operation(job.operation), job.created_ms)
  local holds = job.status == 'running' or job.status == 'cancelling'
  if holds then stands(key_leases(), now + lease_ms) end
  if job.status == 'scheduled' then stands(key_due(), job.scheduled_ms) end
  if job.status == 'queued' and job.parked_on then stands(key_waiting(job.parked_on), job.rank) end
  if job.status == 'queued' and not job.parked_on then stands(key_queued(job.queue), job.rank) end
  if job.reserved then stands(key_reservations(), now) end
  for _, slot in ipairs((holds or job.reserved) and slots_of(job) or {}) do
    for place = 1, slot[2] do
      stands(key_slot(slot[1]), holds and -1 or job.rank, id .. ':' .. place)
    end
  end
  return lines
end
