-- answer: what every script answers, and numbers as Redis keeps them.
--
-- INCLUDES  none

-- Every script answers a word, the jobs to wake, and what else its header says.
local woken = {}
local function answer(word, ...)
  note('answered', word)
  return {word, woken, ...}
end

-- A number as Redis should keep it: Lua would write 1e+14 for a long one.
local function whole(number)
  return string.format('%.0f', number)
end
