-- Give the free places of one slot to the best of its waiters that can run.
--
-- A waiter that lacks another slot moves there. One whose last reservation lapsed comes after the
-- others for a while: its wake-up may be stuck where no worker listens. No more is reserved than
-- threads can claim soon.
local unblocked_at_most, passed_over_at_most = 100, 1000
local function unblock_next(slot)
  local waiting, lapsed, handled, skipped = key_waiting(slot), {}, 0, 0
  while handled < unblocked_at_most and skipped < passed_over_at_most do
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
