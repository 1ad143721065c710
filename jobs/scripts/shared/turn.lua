-- turn: fair turns among the values for which an operation's running jobs are limited.
--
-- INCLUDES  none

-- Return the slot of the job's first limited value, or nil for an operation that limits none.
local function value_slot_of(job)
  return string.match(job.slots or '', '(per:[^=,]+)=')
end

-- Turns of better priorities come first; each priority has its own count.
local priority_turns = 1e13

-- Assign the job the turn after the last one of its value: start-time fair queuing.
--
-- A turn is counted from the highest one that has started, so a value without jobs gains neither
-- credit nor debt. A turn that has already passed becomes the next one. The count of an idle
-- operation starts at the current time, so turns assigned before a count was lost come first.
local function take_turn(id, job)
  local slot = value_slot_of(job)
  if not slot then return end
  local first = (10 - tonumber(job.priority)) * priority_turns
  redis.call('HSETNX', key_started_turns(job.operation), job.priority, whole(first + now))
  local started = tonumber(redis.call('HGET', key_started_turns(job.operation), job.priority))
  local turn = math.max(tonumber(job.turn or 0), started + 1)
  if not job.turn then
    local last = redis.call('ZRANGE', key_turns(slot), '(' .. whole(first + priority_turns),
      whole(first), 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    turn = math.max(turn, tonumber(last or 0) + 1)
  end
  job.turn = whole(turn)
  redis.call('HSET', key_job(id), 'turn', job.turn)
  redis.call('ZADD', key_turns(slot), job.turn, id)
  note('turn', id, job.turn, slot)
end

local function start_turn(job)
  if not job.turn then return end
  local started = tonumber(redis.call('HGET', key_started_turns(job.operation), job.priority) or 0)
  redis.call('HSET', key_started_turns(job.operation), job.priority,
    whole(math.max(started, tonumber(job.turn))))
end

-- Remove the turn of an ended job, and the count of turns with the operation's last active job.
local function forget_turn(id, job)
  local slot = value_slot_of(job)
  if not slot then return end
  redis.call('ZREM', key_turns(slot), id)
  if redis.call('EXISTS', key_active_operation(job.operation)) == 0 then
    redis.call('DEL', key_started_turns(job.operation))
  end
end
