-- Give the free places of one slot to the best of its waiters that can run.
--
-- A waiter that lacks another slot moves there. One whose last reservation lapsed comes after
-- those that never let one lapse: its wake-up may be stuck where no worker listens.
local handed_over_at_most = 100
local function hand_over(slot)
  local waiting, lapsed, skipped = key_waiting(slot), {}, 0
  for _ = 1, handed_over_at_most do
    if free_places(slot) < 1 then return end
    local id = redis.call('ZRANGE', waiting, skipped, skipped)[1]
    if not id then break end
    local job = read_job(id)
    if not job or job.status ~= 'queued' or job.parked_on ~= slot then
      redis.call('ZREM', waiting, id)
    else
      local lacking = lacking_slot(job)
      if lacking == slot then
        skipped = skipped + 1
      elseif lacking then
        park(id, job, lacking)
        announce(id, job)
      elseif job.lapses then
        lapsed[#lapsed + 1] = {id, job}
        skipped = skipped + 1
      else
        reserve(id, job)
      end
    end
  end
  for _, waiter in ipairs(lapsed) do
    if not lacking_slot(waiter[2]) then reserve(waiter[1], waiter[2]) end
  end
end
