-- Block the jobs that lost their reservations, and offer the places left of theirs to the next.
local function return_slots(evicted)
  for _, each in ipairs(evicted or {}) do block(each[1], each[2], each[3]) end
  for _, each in ipairs(evicted or {}) do
    announce(each[1], each[2])
    unblock_at_slots(each[2])
  end
end
