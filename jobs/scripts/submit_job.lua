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
--          limits                json   class of a value's slots to places, as declared in the code
--          payer                 str    the tenant whose quota is used
--          rate_requests         int    how many requests a window has; 0 for no rate
--          rate_window_ms        int
-- RETURNS  accepted | replayed | mismatch | limited | file_missing | dependency_missing |
--          duplicate | full
-- EFFECT   grows
-- INCLUDES outbox, submission
--
-- Nothing but the count of the request is written before all checks pass; of many equal unique
-- submissions one is accepted. A repeat after a lost reply answers accepted and is not counted
-- again. Adds what is left of the quota and in how many ms there is more; then the job's id and
-- the time in ms (for a new job its position in the queue and how many run, too, and if it names jobs
-- to wait for, JSON of how it is), for a duplicate the other's id and status, for full 'server' or
-- 'operation', for file_missing the file's id, for dependency_missing the job's id and its place.

-- What a new job is like, without a reader having to ask.
local shown_at_most = 20
local function describe(job)
  local position, running = position_in_queue(job_id, job)
  if not text.after then return position, running end
  return position, running, cjson.encode({
    status = job.status,
    version = job.version,
    waiting_for = redis.call('ZRANGE', key_dependencies(job_id), 0, shown_at_most - 1),
    error = redis.call('HGET', key_text(job_id), 'error') or nil,
  })
end

local word, left, reset_ms, subject, detail, job = decide_submission(job_id, fields, text, params, {
  on_conflict = on_conflict,
  run_at_ms = run_at_ms,
  max_active = max_active,
  max_active_operation = max_active_operation,
  limits = limits,
  payer = payer,
  rate_requests = rate_requests,
  rate_window_ms = rate_window_ms,
})
if not job then return answer(word, left, reset_ms, subject, detail) end
return answer(word, left, reset_ms, subject, detail, describe(job))
