local function unblock_at_slots(job)
  for _, slot in ipairs(slots_of(job)) do unblock_next(slot[1]) end
end
