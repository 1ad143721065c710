-- Every sorted set in which a record expects its job, with its entry and score there.
--
-- In a slot the score says what the entry is, so there it must be `exact`.
local function expected_memberships(id, job, lease_ms)
  local expected = {}
  local function expect(key, score, member)
    expected[#expected + 1] = {key = key, member = member or id, score = score, exact = member ~= nil}
  end
  local labels = redis.call('HGET', key_text(id), 'labels') or nil
  for _, index in ipairs(indexes_of(job, {labels = labels})) do expect(index, job.created_ms) end
  if is_final(job) then
    expect(key_expiry(), job.expires_ms)
    return expected
  end
  expect(key_active(), job.created_ms)
  expect(key_active_operation(job.operation), job.created_ms)
  local holds = job.status == 'running' or job.status == 'cancelling'
  if holds then expect(key_leases(), now + lease_ms) end
  if job.status == 'scheduled' then expect(key_due(), job.scheduled_ms) end
  if job.status == 'queued' and job.blocked_on then expect(key_waiting(job.blocked_on), job.rank) end
  if job.status == 'queued' and not job.blocked_on then expect(key_queued(job.queue), job.rank) end
  if job.reserved then expect(key_reservations(), now) end
  for _, slot in ipairs((holds or job.reserved) and slots_of(job) or {}) do
    for place = 1, slot[2] do
      expect(key_slot(slot[1]), holds and -1 or job.rank, id .. ':' .. place)
    end
  end
  return expected
end
