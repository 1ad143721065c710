-- Whether others are served before the job for now, since its reservation lapsed. One that was to
-- end within ten minutes and is further away was made before the clock of Redis was put back.
local longest_passed_over_ms = 600000
local function is_passed_over(job)
  local left_ms = tonumber(job.passed_until_ms or 0) - now
  return left_ms > 0 and left_ms <= longest_passed_over_ms
end
