-- blocked: jobs that wait for places, and the places reserved for them.
--
-- INCLUDES  record, lease, outbox, slot, turn
-- long: blocking and unblocking depend on each other, and are read together

local function unblock(id, job)
  if not job.blocked_on then return end
  redis.call('ZREM', key_waiting(job.blocked_on), id)
  note('unblocked', id, job.blocked_on)
  redis.call('HDEL', key_job(id), 'blocked_on')
  job.blocked_on = nil
end

-- Let the job wait at its rank, without places, at one slot that it lacks.
local function block(id, job, slot)
  unblock(id, job)
  forget_wakeup(id, job)
  redis.call('ZADD', key_waiting(slot), whole(rank_at(job, slot)), id)
  redis.call('SADD', key_waited(), slot)
  redis.call('HSET', key_job(id), 'blocked_on', slot)
  job.blocked_on = slot
  note('blocked', id, slot, slots_of(job))
end

-- The length of a reservation in ms.
local reservation_ms, max_reservation_ms = 1000, 60000
local function reservation_of(job)
  return math.min(reservation_ms * 2 ^ tonumber(job.lapses or 0), max_reservation_ms)
end

-- Reserve all places for a blocked job at once and wake it. Each lapse makes the next reservation
-- longer.
local function reserve(id, job)
  unblock(id, job)
  take_places(id, job)
  redis.call('ZADD', key_reservations(), now + reservation_of(job), id)
  redis.call('HSET', key_job(id), 'reserved', '1')
  job.reserved = '1'
  note('reserved', id, job.rank, slots_of(job))
  wake(id, job)
  announce(id, job)
end

-- Rank a job whose reservation lapsed after others, for ten times as long as it held the reservation.
local passed_over_times = 10
local function pass_over(id, job)
  job.passed_until_ms = whole(now + reservation_of(job) * passed_over_times)
  job.lapses = redis.call('HINCRBY', key_job(id), 'lapses', 1)
  redis.call('HSET', key_job(id), 'passed_until_ms', job.passed_until_ms)
end

-- Whether the job currently yields to others because its reservation lapsed. This never lasts more
-- than ten minutes: a later end comes from a time before the Redis clock was set back.
local max_passed_over_ms = 600000
local function is_passed_over(job)
  local left_ms = tonumber(job.passed_until_ms or 0) - now
  return left_ms > 0 and left_ms <= max_passed_over_ms
end

-- Whether one more reservation is useful: a free thread can claim it, or the operation has no
-- reservation yet, so that the next free thread finds a job. Without known threads, it always is.
local function helps(job)
  local free = free_threads()
  if not free or redis.call('ZCARD', key_reservations()) <= free then return true end
  return redis.call('ZCOUNT', key_slot('operation:' .. job.operation), 0, '+inf') == 0
end

-- Move the best jobs that wait at a value's slot to their operation's slot, as many as there are
-- places here. There they compete by turn with jobs of other values. Returns the operation's slot.
local max_unblocked, max_passed_over = 100, 1000
local function admit_next(slot)
  local operation
  for _ = 1, math.min(free_places(slot), max_unblocked) do
    local id = redis.call('ZRANGE', key_waiting(slot), 0, 0)[1]
    if not id then break end
    local job = read_job(id)
    if job and job.status == 'queued' and job.blocked_on == slot then
      operation = 'operation:' .. job.operation
      local lacking = lacking_slot(job)
      take_turn(id, job)
      block(id, job, lacking and value_class_of(lacking) and lacking or operation)
      announce(id, job)
    else
      redis.call('ZREM', key_waiting(slot), id)
    end
  end
  return operation
end

-- Reserve the free places of one slot for the best of its waiting jobs that can run.
--
-- A waiting job that lacks another slot moves there. One whose last reservation lapsed yields to the
-- others for a while: its wake-up may be in a queue without a worker. Reservations never exceed what
-- threads can claim soon.
local function unblock_next(slot)
  if value_class_of(slot) then slot = admit_next(slot) end
  if not slot then return end
  local waiting, lapsed, handled, skipped = key_waiting(slot), {}, 0, 0
  while handled < max_unblocked and skipped < max_passed_over do
    if free_places(slot) < 1 then return end
    local id = redis.call('ZRANGE', waiting, skipped, skipped)[1]
    if not id then break end
    local job = read_job(id)
    local waits = job and job.status == 'queued' and job.blocked_on == slot
    local lacking = waits and lacking_slot(job)
    local passed = waits and not lacking and is_passed_over(job)
    if lacking == slot or passed then
      if not lacking then lapsed[#lapsed + 1] = {id, job} end
      skipped = skipped + 1
    else
      handled = handled + 1
      if not waits then
        redis.call('ZREM', waiting, id)
      elseif lacking then
        block(id, job, lacking)
        announce(id, job)
      elseif helps(job) then
        reserve(id, job)
      else
        return
      end
    end
  end
  for _, waiter in ipairs(lapsed) do
    if not lacking_slot(waiter[2]) and helps(waiter[2]) then reserve(waiter[1], waiter[2]) end
  end
end

local function unblock_at_slots(job)
  for _, slot in ipairs(slots_of(job)) do unblock_next(slot[1]) end
end

-- Block the evicted jobs, and unblock others for their remaining places.
local function return_slots(evicted)
  for _, each in ipairs(evicted or {}) do block(each[1], each[2], each[3]) end
  for _, each in ipairs(evicted or {}) do
    announce(each[1], each[2])
    unblock_at_slots(each[2])
  end
end
