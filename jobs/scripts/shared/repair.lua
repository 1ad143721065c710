-- repair: compares what is derived from records, and repairs it.
--
-- INCLUDES  record, outbox, slot, turn, dependency, depending
-- long: each comparison has its repair beside it

-- Return every sorted set in which a record expects its job, with the entry and its score.
--
-- In a slot, the score distinguishes occupied from reserved places, so there it must be `exact`.
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
  local holds = IS_HOLDING[job.status]
  if holds then expect(key_leases(), now + lease_ms) end
  if job.status == 'scheduled' and not job.depending then expect(key_due(), job.scheduled_ms) end
  if job.depending then
    expect(key_depending(), now)
    for _, dependency_id in ipairs(redis.call('ZRANGE', key_dependencies(id), 0, -1)) do
      expect(key_dependents(dependency_id), job.rank)
    end
  end
  if job.status == 'queued' and job.blocked_on then
    expect(key_waiting(job.blocked_on), whole(rank_at(job, job.blocked_on)))
  end
  if job.status == 'queued' and not job.blocked_on then expect(key_queued(job.queue), job.rank) end
  if job.reserved then expect(key_reservations(), now) end
  if job.turn then expect(key_turns(value_slot_of(job)), job.turn) end
  for _, slot in ipairs((holds or job.reserved) and slots_of(job) or {}) do
    for place = 1, slot[2] do
      expect(key_slot(slot[1]), holds and -1 or whole(rank_at(job, slot[1])), id .. ':' .. place)
    end
  end
  return expected
end

-- Whether a record expects this entry of its job in this sorted set.
local function is_expected_member(key, member, id, job)
  local waits = job.status == 'queued' and not job.blocked_on
  if key == key_outbox() then return waits end
  local dependency_id = string.match(string.sub(key, #ns + 1), '^dependents:(.+)$')
  if dependency_id then return redis.call('ZSCORE', key_dependencies(id), dependency_id) end
  if key == key_awaiting(job.queue) then return waits and not redis.call('ZSCORE', key_outbox(), id) end
  for _, right in ipairs(expected_memberships(id, job, 0)) do
    if right.key == key and right.member == member then return true end
  end
  return false
end

-- Check that something will start a queued job; returns what is missing, or nil.
--
-- The repair wakes a job whose message would otherwise never be published.
local function examine_wakeup(id, job, repair)
  if job.status ~= 'queued' then return nil end
  if job.blocked_on then
    if redis.call('SISMEMBER', key_waited(), job.blocked_on) == 1 then return nil end
    if repair then redis.call('SADD', key_waited(), job.blocked_on) end
    return 'waited'
  end
  local published = redis.call('ZSCORE', key_outbox(), id)
  if published or redis.call('ZSCORE', key_awaiting(job.queue), id) then return nil end
  if repair then wake(id, job) end
  return 'wakeup'
end

-- Check that the unique key of an active job names it; returns the fault, or nil.
--
-- A key that names another active job stays: only an operator can decide which of the two must end.
local function examine_unique(id, job, repair)
  if not job.fingerprint or is_final(job) then return nil end
  local unique = key_unique(job.tenant, job.operation, job.fingerprint)
  local named = redis.call('GET', unique)
  if named == id then return nil end
  local other = named and read_job(named)
  if other and other.status and not is_final(other) then return 'conflict' end
  if repair then redis.call('SET', unique, id) end
  return 'unique'
end

-- Check that a depending job will be told of its dependencies' ends; returns the fault, or nil.
--
-- Faults: it has no dependencies, or one has ended without telling it, or a job that is not depending
-- has some. The repair compares it with them, which starts or ends it if that is due.
local function examine_dependencies(id, job, repair)
  local wrong = redis.call('EXISTS', key_dependencies(id)) ~= (job.depending and 1 or 0)
  for _, each in ipairs(job.depending and redis.call('ZRANGE', key_dependencies(id), 0, -1) or {}) do
    local status = redis.call('HGET', key_job(each), 'status')
    wrong = wrong or (status and IS_FINAL[status] and not settling_status(each))
  end
  if not wrong then return nil end
  if repair and job.depending then
    check_dependencies(id, job)
  elseif repair then
    redis.call('DEL', key_dependencies(id))
  end
  return 'dependencies'
end

-- Compare a record with everything derived from it; returns the faults, such as keys of sets.
local function examine_job(id, job, lease_ms, repair)
  local lacking = {examine_dependencies(id, job, repair)}
  if lacking[1] and repair then job = read_job(id) end
  for _, expected in ipairs(expected_memberships(id, job, lease_ms)) do
    local score = redis.call('ZSCORE', expected.key, expected.member)
    if not score or (expected.exact and tonumber(score) ~= tonumber(expected.score)) then
      lacking[#lacking + 1] = string.sub(expected.key, #ns + 1)
      if repair then redis.call('ZADD', expected.key, expected.score, expected.member) end
    end
  end
  lacking[#lacking + 1] = examine_wakeup(id, job, repair)
  lacking[#lacking + 1] = examine_unique(id, job, repair)
  local batch = job.batch_id and redis.call('EXISTS', key_batch(job.batch_id)) == 1
  local members = batch and key_batch_status(job.batch_id, job.status)
  if members and redis.call('SISMEMBER', members, id) == 0 then
    lacking[#lacking + 1] = 'batch'
    if repair then redis.call('SADD', members, id) end
  end
  return lacking
end

-- Count the members of a batch's sets whose records disagree; the repair removes them.
local function examine_batch_members(batch_id, repair)
  local wrong = 0
  for _, status in ipairs(STATUSES) do
    local members = key_batch_status(batch_id, status)
    for _, id in ipairs(redis.call('SMEMBERS', members)) do
      local known = redis.call('HMGET', key_job(id), 'status', 'batch_id')
      if known[1] ~= status or known[2] ~= batch_id then
        wrong = wrong + 1
        if repair then redis.call('SREM', members, id) end
      end
    end
  end
  return wrong
end
