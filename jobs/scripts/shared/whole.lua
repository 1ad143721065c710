-- A number as Redis should keep it: Lua would write 1e+14 for a long one.
local function whole(number)
  return string.format('%.0f', number)
end
