-- What a job needs to run: {slot, places} of its operation and of the resources it named.
local function slots_of(job)
  local slots = {{'operation:' .. job.operation, 1}}
  for slot, places in string.gmatch(job.slots or '', '([^=,]+)=(%d+)') do
    slots[#slots + 1] = {slot, tonumber(places)}
  end
  return slots
end
