-- The first slot that has too few free places for the job, or nil when it could run now.
local function lacking_slot(job)
  for _, slot in ipairs(slots_of(job)) do
    if free_places(slot[1]) < slot[2] then return slot[1] end
  end
end
