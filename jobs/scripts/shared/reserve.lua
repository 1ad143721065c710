-- Give a blocked job all its places at once and wake it; each lapse lets the next one last longer.
local function reserve(id, job)
  unblock(id, job)
  take_places(id, job, job.rank)
  redis.call('ZADD', key_reservations(), now + reservation_of(job), id)
  redis.call('HSET', key_job(id), 'reserved', '1')
  job.reserved = '1'
  note('reserved', id, job.rank, slots_of(job))
  wake(id, job)
  announce(id, job)
end
