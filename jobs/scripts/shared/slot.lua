-- slot: places in slots: counted, taken and freed.
--
-- INCLUDES  record

-- What a job needs to run: {slot, places} of its operation and of the resources it named.
local function slots_of(job)
  local slots = {{'operation:' .. job.operation, 1}}
  for slot, places in string.gmatch(job.slots or '', '([^=,]+)=(%d+)') do
    slots[#slots + 1] = {slot, tonumber(places)}
  end
  return slots
end

-- How many places a slot has: a pause wins, then an operator's word, then the declared number;
-- no limit at all is a huge one.
local function limit_of(slot)
  local limits = redis.call(
    'HMGET', key_limits(), 'pause:' .. slot, 'operator:' .. slot, 'declared:' .. slot)
  return tonumber(limits[1] or limits[2] or limits[3] or 1e9)
end

local function free_places(slot)
  return limit_of(slot) - redis.call('ZCARD', key_slot(slot))
end

-- The first slot that has too few free places for the job, or nil when it could run now.
local function lacking_slot(job)
  for _, slot in ipairs(slots_of(job)) do
    if free_places(slot[1]) < slot[2] then return slot[1] end
  end
end

-- Write the job into all its slots: score -1 occupies, its rank reserves.
local function take_places(id, job, score)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      redis.call('ZADD', key_slot(slot[1]), score, id .. ':' .. place)
    end
  end
end

-- Take the job out of all its slots, whether it occupies or reserves them.
local function free_slots(id, job)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      redis.call('ZREM', key_slot(slot[1]), id .. ':' .. place)
    end
  end
  if job.reserved then note('unreserved', id) end
  redis.call('ZREM', key_reservations(), id)
  redis.call('HDEL', key_job(id), 'reserved')
  job.reserved = nil
end

-- May the job take its places in this slot? Worse-ranked reservations yield to it.
--
-- Gives whether the job is blocked, and the list of jobs whose reservations were taken back.
local function acquire_slot(id, job, slot, places, evicted)
  local rank = tonumber(job.rank)
  local first = redis.call('ZRANGE', key_waiting(slot), 0, 0, 'WITHSCORES')
  if first[1] and first[1] ~= id and tonumber(first[2]) < rank then return true, evicted end
  while free_places(slot) < places do
    local worst = redis.call('ZREVRANGE', key_slot(slot), 0, 0, 'WITHSCORES')
    if not worst[1] or tonumber(worst[2]) <= rank then return true, evicted end
    local evicted_id = string.match(worst[1], '^(.*):%d+$')
    local evicted_job = read_job(evicted_id)
    if not evicted_job then
      redis.call('ZREM', key_slot(slot), worst[1])
    else
      note('evicted', evicted_id, slot, id)
      free_slots(evicted_id, evicted_job)
      evicted = evicted or {}
      evicted[#evicted + 1] = {evicted_id, evicted_job, slot}
    end
  end
  return false, evicted
end
