-- submit_job: decide one submission, and write its record, indexes and wake-up.
--
-- KEYS     record                hash   the new job
-- ARGV     job_id                str    created by the caller, so that a repeat is recognised
--          fields                json   fields of the record, all strings
--          text                  json   fields that may be long, all strings
--          params                bytes  encoded parameters
--          on_conflict           str    reject | return | replace, for a duplicate
--          run_at_ms             int    0 for now
--          max_active            int    maximum number of active jobs of the server
--          operation_limits      json   of the operation, see `OperationLimits`
--          limits                json   places declared in the code for each class of value slots
--          payer                 str    the tenant whose quota is used
--          rate_requests         int    requests per window; 0 for no quota
--          rate_window_ms        int
-- RETURNS  accepted | replayed | mismatch | limited | file_missing | dependency_missing |
--          duplicate | full
-- EFFECT   grows
-- INCLUDES outbox, slot, submission
--
-- Before all checks have passed, only the request's count is written. Of many equal unique
-- submissions one is accepted. A repeat after a lost reply answers 'accepted' and is not counted
-- again. Only an accepted submission uses the operation's quota. Also returns what is left of the
-- quota of requests and in how many ms there is more, and the same of the operation's quota; then the
-- job's id and the time in ms (for a new job also its queue position and the number of running jobs,
-- its state as JSON if it has dependencies, and for a blocked job its slot, with the position and the
-- number of places there). 'duplicate' returns the conflicting job's id and
-- status, 'limited' returns 'requests' or 'submissions', 'full' returns 'server', 'operation', or
-- 'group' and its name, 'file_missing' the file's id, and 'dependency_missing' the job's id and its
-- index in the list.

-- The state of a new job, so that the caller need not read it.
local max_shown = 20
local function describe(job)
  local state = text.after and cjson.encode({
    status = job.status,
    version = job.version,
    waiting_for = redis.call('ZRANGE', key_dependencies(job_id), 0, max_shown - 1),
    error = redis.call('HGET', key_text(job_id), 'error') or nil,
  }) or false
  if not job.blocked_on then
    local position, running = position_in_queue(job_id, job)
    return position, running, state
  end
  local position, places = position_at_slot(job_id, job.blocked_on)
  return position, places, state, job.blocked_on
end

local word, quotas, subject, detail, job = decide_submission(job_id, fields, text, params, {
  on_conflict = on_conflict,
  run_at_ms = run_at_ms,
  max_active = max_active,
  operation_limits = operation_limits,
  limits = limits,
  payer = payer,
  rate_requests = rate_requests,
  rate_window_ms = rate_window_ms,
})
local left, reset_ms = quotas.left, quotas.reset_ms
local own_left, own_reset_ms = quotas.submissions_left or 0, quotas.submissions_reset_ms or 0
if not job then return answer(word, left, reset_ms, own_left, own_reset_ms, subject, detail) end
return answer(word, left, reset_ms, own_left, own_reset_ms, subject, detail, describe(job))
