-- answer: the form of every script's answer, and of numbers in Redis.
--
-- INCLUDES  none

-- Every script returns a word, the jobs to wake, and the values that its header names.
local woken = {}
local function answer(word, ...)
  note('answered', word)
  return {word, woken, ...}
end

-- Format a number for Redis: Lua would write a long one as 1e+14.
local function whole(number)
  return string.format('%.0f', number)
end
