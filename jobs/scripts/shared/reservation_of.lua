-- How many milliseconds a reservation lasts.
local reservation_ms, longest_reservation_ms = 1000, 60000
local function reservation_of(job)
  return math.min(reservation_ms * 2 ^ tonumber(job.lapses or 0), longest_reservation_ms)
end
