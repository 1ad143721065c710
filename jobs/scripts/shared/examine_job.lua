-- Compare a record with all that should follow from it; gives what is lacking, by the sets' keys.
local function examine_job(id, job, lease_ms, repair)
  local lacking = {}
  for _, expected in ipairs(expected_memberships(id, job, lease_ms)) do
    local score = redis.call('ZSCORE', expected.key, expected.member)
    if not score or (expected.exact and tonumber(score) ~= tonumber(expected.score)) then
      lacking[#lacking + 1] = string.sub(expected.key, #ns + 1)
      if repair then redis.call('ZADD', expected.key, expected.score, expected.member) end
    end
  end
  lacking[#lacking + 1] = examine_wakeup(id, job, repair)
  lacking[#lacking + 1] = examine_unique(id, job, repair)
  local batch = job.batch_id and redis.call('EXISTS', key_batch(job.batch_id)) == 1
  local members = batch and key_batch_status(job.batch_id, job.status)
  if members and redis.call('SISMEMBER', members, id) == 0 then
    lacking[#lacking + 1] = 'batch'
    if repair then redis.call('SADD', members, id) end
  end
  return lacking
end
