local function hand_over_slots(job)
  for _, slot in ipairs(slots_of(job)) do hand_over(slot[1]) end
end
