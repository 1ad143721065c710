-- Write the job into all its slots: score -1 occupies, its rank reserves.
local function take_places(id, job, score)
  for _, slot in ipairs(slots_of(job)) do
    for place = 1, slot[2] do
      redis.call('ZADD', key_slot(slot[1]), score, id .. ':' .. place)
    end
  end
end
