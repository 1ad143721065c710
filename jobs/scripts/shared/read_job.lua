-- The record as a table, or nil; numbers stay strings until they are used.
local function read_job(id)
  local flat = redis.call('HGETALL', key_job(id))
  if #flat == 0 then return nil end
  local job = {}
  for i = 1, #flat, 2 do job[flat[i]] = flat[i + 1] end
  return job
end
