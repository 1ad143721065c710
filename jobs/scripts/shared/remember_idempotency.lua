-- Keep which job an Idempotency-Key made, and of what payload.
local idempotency_ms = 24 * 60 * 60 * 1000
local function remember_idempotency(id, job)
  if not job.idempotency_digest then return end
  local key = key_idempotency(job.tenant, job.idempotency_digest)
  redis.call('HSET', key, 'fingerprint', job.payload_fingerprint or '', 'job', id)
  redis.call('PEXPIRE', key, idempotency_ms)
end
