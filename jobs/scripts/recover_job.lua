-- recover_job: recreate a record that Redis lost, from the job's message.
--
-- KEYS     record              hash   the job
-- ARGV     job_id              str
--          fields              json   fields of the record, all strings
--          text                json   fields that may be long, all strings
--          params              bytes  encoded parameters
--          published_ms        int    when the message was published, by the Redis clock
--          recovery_window_ms  int    maximum age of a message
-- RETURNS  recovered | superseded | tombstoned
-- EFFECT   grows
-- INCLUDES record, outbox, batch, turn, job, submission
--
-- A purged job stays purged: its id has a tombstone. If another job now holds its unique key or
-- idempotency key, the recovered job ends cancelled. A repeat, or an existing record, answers
-- 'recovered'.
if redis.call('EXISTS', record) == 1 then return answer('recovered') end
if redis.call('ZSCORE', key_tombstones(), job_id .. ' ' .. fields.tenant) then return answer('tombstoned') end
if published_ms + recovery_window_ms < now then return answer('tombstoned') end

if fields.batch_id then revive_batch(fields) end
local kept_id = fields.idempotency_digest
  and redis.call('HGET', key_idempotency(fields.tenant, fields.idempotency_digest), 'job')
local conflicting_id = fields.fingerprint
  and redis.call('GET', key_unique(fields.tenant, fields.operation, fields.fingerprint))
local conflicting = conflicting_id and conflicting_id ~= job_id and read_job(conflicting_id)
local successor_id = kept_id and kept_id ~= job_id and kept_id or conflicting and not is_final(conflicting) and conflicting_id
if successor_id then
  fields.fingerprint = nil
  local job = create_job(job_id, fields, text, params, 'queued')
  redis.call('HSET', key_text(job_id), 'error', cjson.encode({type = 'superseded', by = successor_id}))
  end_job(job_id, job, 'cancelled')
  return answer('superseded')
end

local job = create_job(job_id, fields, text, params, 'queued')
remember_idempotency(job_id, job)
take_turn(job_id, job)
await_message(job_id, job)
enqueue(job_id, job)
announce(job_id, job)
return answer('recovered')
