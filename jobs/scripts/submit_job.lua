-- submit_job: decide on one submission, and write its record, indexes and wake-up.
--
-- KEYS     record                hash   the job to be made
-- ARGV     job_id                str    made by the caller, so that a repeat is recognised
--          fields                json   fields of the record, all strings
--          text                  json   fields that may be long, all strings
--          params                bytes  encoded parameters
--          on_conflict           str    reject | return | replace, for a duplicate
--          run_at_ms             int    0 for now
--          max_active            int    active jobs that the server takes
--          max_active_operation  int    active jobs that this operation takes
--          payer                 str    the tenant whose quota is used
--          rate_requests         int    how many requests a window has; 0 for no rate
--          rate_window_ms        int
-- RETURNS  accepted | replayed | mismatch | limited | duplicate | full
--
-- Nothing but the count of the request is written before all checks pass; of many equal unique
-- submissions one is accepted. A repeat after a lost reply answers accepted and is not counted
-- again. Adds what is left of the quota and in how many ms there is more; then the job's id and
-- the time in ms (for a new job its place in line and how many run, too), for a duplicate the
-- other's id and status, for full 'server' or 'operation'.
local rate = key_rate(payer)
local counted, left, reset_ms = count_rate(rate, rate_requests, rate_window_ms, 0)
local tombstone = job_id .. ' ' .. fields.tenant
if redis.call('EXISTS', record) == 1 or redis.call('ZSCORE', key_tombstones(), tombstone) then
  return answer('accepted', left, reset_ms, job_id, whole(now))
end

if fields.idempotency_digest then
  local key = key_idempotency(fields.tenant, fields.idempotency_digest)
  local kept = redis.call('HMGET', key, 'fingerprint', 'job')
  if kept[2] then
    local same = kept[1] == (fields.payload_fingerprint or '')
    return answer(same and 'replayed' or 'mismatch', left, reset_ms, kept[2], whole(now))
  end
end

counted, left, reset_ms = count_rate(rate, rate_requests, rate_window_ms, 1)
if not counted then return answer('limited', left, reset_ms) end

local rival_id, rival
if fields.fingerprint then
  rival_id = redis.call('GET', key_unique(fields.tenant, fields.operation, fields.fingerprint))
  rival = rival_id and read_job(rival_id)
  if rival and is_final(rival) then rival = nil end
  local replaceable = rival and (rival.status == 'scheduled' or rival.status == 'queued')
  if rival and not (on_conflict == 'replace' and replaceable) then
    return answer('duplicate', left, reset_ms, rival_id, rival.status)
  end
end

local leaving = rival and 1 or 0
if redis.call('ZCARD', key_active()) - leaving >= max_active then
  return answer('full', left, reset_ms, 'server')
elseif redis.call('ZCARD', key_active_operation(fields.operation)) - leaving >= max_active_operation then
  return answer('full', left, reset_ms, 'operation')
end

if rival then
  redis.call('HSET', key_text(rival_id), 'error', cjson.encode({type = 'superseded', by = job_id}))
  end_job(rival_id, rival, 'cancelled')
end

fields.created_ms = whole(now)
if run_at_ms > now then fields.scheduled_ms = whole(run_at_ms) end
local job = create_job(job_id, fields, text, params, run_at_ms > now and 'scheduled' or 'queued')
remember_idempotency(job_id, job)
if job.status == 'scheduled' then
  redis.call('ZADD', key_due(), run_at_ms, job_id)
else
  wake(job_id, job)
end
announce(job_id, job)
return answer('accepted', left, reset_ms, job_id, whole(now), place_in_line(job_id, job))
