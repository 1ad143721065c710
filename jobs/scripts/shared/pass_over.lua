-- Serve others before a job whose reservation lapsed, ten times as long as it held it.
local passed_over_times = 10
local function pass_over(id, job)
  job.passed_until_ms = whole(now + reservation_of(job) * passed_over_times)
  job.lapses = redis.call('HINCRBY', key_job(id), 'lapses', 1)
  redis.call('HSET', key_job(id), 'passed_until_ms', job.passed_until_ms)
end
