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
