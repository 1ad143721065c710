-- Compare a record with all that should follow from it; gives what is lacking, by the lines' keys.
local function examine_job(id, job, lease_ms, mend)
  local lacking = {}
  for _, line in ipairs(lines_of(id, job, lease_ms)) do
    local score = redis.call('ZSCORE', line.key, line.member)
    if not score or (line.exact and tonumber(score) ~= tonumber(line.score)) then
      lacking[#lacking + 1] = string.sub(line.key, #ns + 1)
      if mend then redis.call('ZADD', line.key, line.score, line.member) end
    end
  end
  lacking[#lacking + 1] = examine_wakeup(id, job, mend)
  lacking[#lacking + 1] = examine_unique(id, job, mend)
  local batch = job.batch_id and redis.call('EXISTS', key_batch(job.batch_id)) == 1
  local members = batch and key_batch_status(job.batch_id, job.status)
  if members and redis.call('SISMEMBER', members, id) == 0 then
    lacking[#lacking + 1] = 'batch'
    if mend then redis.call('SADD', members, id) end
  end
  return lacking
end
