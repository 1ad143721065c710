-- Park the jobs that lost their reservations, and hand on the places that nobody took of theirs.
local function give_back(evicted)
  for _, loser in ipairs(evicted or {}) do park(loser[1], loser[2], loser[3]) end
  for _, loser in ipairs(evicted or {}) do
    announce(loser[1], loser[2])
    hand_over_slots(loser[2])
  end
end
