-- acquire: places taken by rank, from worse-ranked reservations if necessary.
--
-- INCLUDES  record, outbox, slot, turn, blocked

-- Evict the worst-ranked reservation of a slot, if its rank is worse than `rank`.
--
-- Returns whether there was one, and the list of all jobs evicted so far.
local function evict_worst(id, slot, rank, evicted)
  local worst = redis.call('ZREVRANGE', key_slot(slot), 0, 0, 'WITHSCORES')
  if not worst[1] or tonumber(worst[2]) <= rank then return false, evicted end
  local evicted_id = string.match(worst[1], '^(.*):%d+$')
  local evicted_job = read_job(evicted_id)
  if not evicted_job then
    redis.call('ZREM', key_slot(slot), worst[1])
    return true, evicted
  end
  note('evicted', evicted_id, slot, id)
  free_slots(evicted_id, evicted_job)
  evicted = evicted or {}
  evicted[#evicted + 1] = {evicted_id, evicted_job, slot}
  return true, evicted
end

-- Find out whether the job can take its places in all its slots, and evict worse-ranked reservations.
--
-- Returns the first slot without enough places, if any, and the list of evicted jobs.
local function acquire_slots(id, job)
  local evicted
  for _, each in ipairs(slots_of(job)) do
    local slot, places = each[1], each[2]
    local rank = rank_at(job, slot)
    local first = redis.call('ZRANGE', key_waiting(slot), 0, 0, 'WITHSCORES')
    if first[1] and first[1] ~= id and tonumber(first[2]) < rank then return slot, evicted end
    while free_places(slot) < places do
      local yielded
      yielded, evicted = evict_worst(id, slot, rank, evicted)
      if not yielded then return slot, evicted end
    end
  end
  return nil, evicted
end

-- Let a newly queued job run by rank and turn. Its message is published at once, or, if its values
-- have limits, once it has all its places: otherwise the messages of one value would delay another's.
local function line_up(id, job)
  if not job.turn then
    wake(id, job)
    announce(id, job)
    return
  end
  local operation = 'operation:' .. job.operation
  local lacking, evicted = acquire_slots(id, job)
  local helpful = not lacking and helps(job)
  if not lacking and not helpful then
    helpful, evicted = evict_worst(id, operation, rank_at(job, operation), evicted)
  end
  if helpful then
    reserve(id, job)
  else
    block(id, job, lacking or operation)
    announce(id, job)
  end
  return_slots(evicted)
  unblock_at_slots(job)
end

-- Queue a job, either a scheduled one or one that a worker returned, which keeps its turn.
local function make_queued(id, job)
  redis.call('ZREM', key_due(), id)
  redis.call('ZREM', key_leases(), id)
  if job.status == 'scheduled' then take_turn(id, job) end
  set_status(id, job, 'queued')
  line_up(id, job)
end
