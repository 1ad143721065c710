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
