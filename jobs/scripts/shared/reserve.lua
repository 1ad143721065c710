-- Give a parked job all its places at once and wake it; each lapse lets the next one last longer.
local reservation_ms, longest_reservation_ms = 1000, 60000
local function reserve(id, job)
  local lasts = math.min(reservation_ms * 2 ^ tonumber(job.lapses or 0), longest_reservation_ms)
  unpark(id, job)
  take_places(id, job, job.rank)
  redis.call('ZADD', key_reservations(), now + lasts, id)
  redis.call('HSET', key_job(id), 'reserved', '1')
  job.reserved = '1'
  note('reserved', id, job.rank, slots_of(job))
  wake(id, job)
  announce(id, job)
end
