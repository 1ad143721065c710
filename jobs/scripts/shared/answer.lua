-- Every script answers a word, the jobs to wake, and what else its header says.
local woken = {}
local function answer(word, ...)
  note('answered', word)
  return {word, woken, ...}
end
