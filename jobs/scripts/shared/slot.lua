-- slot: places in slots: counted, taken and freed.
--
-- INCLUDES  none

-- The slots of all values that an operation limits have one limit: `per:<operation>:<name>`.
local function value_class_of(slot)
  return string.match(slot, '^(per:[^:]+:[^:]+):')
end

-- What a job needs to run: {slot, places} of its values, its operation and its resources.
--
-- Its values come first: who lacks a place there is no rival of the others for their operation's.
local function slots_of(job)
  local slots, values = {{'operation:' .. job.operation, 1}}, 0
  for slot, places in string.gmatch(job.slots or '', '([^=,]+)=(%d+)') do
    if value_class_of(slot) then values = values + 1 end
    table.insert(slots, value_class_of(slot) and values or #slots + 1, {slot, tonumber(places)})
  end
  return slots
end

-- The rank of a job in the line of a slot: its turn, but its age among other operations' jobs.
local function rank_at(job, slot)
  return tonumber(not string.find(slot, '^resource:') and job.turn or job.rank)
end

-- How many places a slot has: a pause wins, then an operator's word, then the declared number;
-- no limit at all is a huge one.
local function limit_of(slot)
  local named = value_class_of(slot) or slot
  local limits = redis.call(
    'HMGET', key_limits(), 'pause:' .. named, 'operator:' .. named, 'declared:' .. named)
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

-- Write the job into all its slots: score -1 occupies, its rank there reserves.
local function take_places(id, job, occupied)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      local score = occupied or whole(rank_at(job, slot[1]))
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
  redis.call('ZREM', key_reservations(), id)
  if not job.reserved then return end
  note('unreserved', id)
  redis.call('HDEL', key_job(id), 'reserved')
  job.reserved = nil
end
