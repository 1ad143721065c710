-- slot: counts, takes and frees places in slots.
--
-- INCLUDES  none

-- Return the class of a value's slot, `per:<operation>:<name>`: its slots share one limit.
local function value_class_of(slot)
  return string.match(slot, '^(per:[^:]+:[^:]+):')
end

-- Return what a job needs to run: {slot, places} of its values, its operation and its resources.
--
-- Values come first: a job that lacks a place there does not compete for its operation's places.
local function slots_of(job)
  local slots, values = {{'operation:' .. job.operation, 1}}, 0
  for slot, places in string.gmatch(job.slots or '', '([^=,]+)=(%d+)') do
    if value_class_of(slot) then values = values + 1 end
    table.insert(slots, value_class_of(slot) and values or #slots + 1, {slot, tonumber(places)})
  end
  return slots
end

-- Return the rank of a job at a slot: its turn, or its age at a resource, shared by operations.
local function rank_at(job, slot)
  return tonumber(not string.find(slot, '^resource:') and job.turn or job.rank)
end

-- Return the number of places of a slot: set by a pause, an operator or the code, in this order; a
-- huge number without a limit.
local function limit_of(slot)
  local named = value_class_of(slot) or slot
  local limits = redis.call(
    'HMGET', key_limits(), 'pause:' .. named, 'operator:' .. named, 'declared:' .. named)
  return tonumber(limits[1] or limits[2] or limits[3] or 1e9)
end

-- Return a blocked job's position at a slot, from 1, and the slot's number of places.
local function position_at_slot(id, slot)
  local before = redis.call('ZRANK', key_waiting(slot), id)
  return before and before + 1, limit_of(slot)
end

local function free_places(slot)
  return limit_of(slot) - redis.call('ZCARD', key_slot(slot))
end

-- Return the first slot with too few free places for the job, or nil if it could run now.
local function lacking_slot(job)
  for _, slot in ipairs(slots_of(job)) do
    if free_places(slot[1]) < slot[2] then return slot[1] end
  end
end

-- Add the job to all its slots: with score -1 it occupies its places, with its rank it reserves them.
local function take_places(id, job, occupied)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      local score = occupied or whole(rank_at(job, slot[1]))
      redis.call('ZADD', key_slot(slot[1]), score, id .. ':' .. place)
    end
  end
end

-- Remove the job from all its slots, occupied or reserved.
local function free_slots(id, job)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      redis.call('ZREM', key_slot(slot[1]), id .. ':' .. place)
    end
  end
  redis.call('ZREM', key_reservations(), id)
  if not job.reserved then return end
  note('unreserved', id)
  redis.call('HDEL', key_job(id), 'reserved')
  job.reserved = nil
end
