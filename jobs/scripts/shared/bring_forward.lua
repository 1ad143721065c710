-- After the clock was put back from `last`: let what was to come soon after that come soon again.
local function bring_forward(names, last)
  for _, name in ipairs(names) do
    local entries = redis.call('ZRANGE', name, now, '+inf', 'BYSCORE', 'WITHSCORES')
    for i = 1, #entries, 2 do
      local left = math.max(0, tonumber(entries[i + 1]) - last)
      redis.call('ZADD', name, now + left, entries[i])
    end
  end
end
