-- submit_batch: decide the next items of a batch; the first step creates the batch.
--
-- KEYS     record          hash   the batch
-- ARGV     batch_id        str    created by the caller, so that a repeat is recognised
--          first           int    index in the batch of the first of these items, from 0
--          fields          json   fields of the batch: tenant, total, callback, …; all strings
--          items           json   for each item {outcome} if it is invalid, or `submit_job`'s input
--          max_active      int    maximum number of active jobs of the server
--          payer           str    the tenant whose quota each item uses
--          rate_requests   int    requests per window; 0 for no quota
--          rate_window_ms  int
--          params...       bytes  encoded parameters of each item
-- RETURNS  stored | replayed | mismatch | limited | closed | missing
-- EFFECT   grows
-- INCLUDES batch, rate, submission, dependency
--
-- Each item is decided once, in order, even if a caller repeats a step or continues a batch that
-- another caller left. In `after`, '#3' is the job of item 3; an item that refers to an item without
-- a job creates no job. Also returns what is left of the quota and in how many ms there is more.
-- 'stored' also returns the outcomes of these items, as JSON, and the time in ms; 'replayed' and
-- 'mismatch' return the id of the batch that used the key. A 'closed' batch accepts no more items;
-- 'limited' means that the quota has no room for even one item, and creates no batch.
local _, left, reset_ms = count_rate(key_rate(payer), rate_requests, rate_window_ms, 0)
local kept_items = key_batch_items(batch_id)
if redis.call('EXISTS', record) == 0 then
  if first > 0 then return answer('missing', left, reset_ms) end
  if fields.idempotency_digest then
    local key = key_idempotency(fields.tenant, fields.idempotency_digest)
    local kept = redis.call('HMGET', key, 'fingerprint', 'job')
    if kept[2] then
      local same = kept[1] == fields.payload_fingerprint
      return answer(same and 'replayed' or 'mismatch', left, reset_ms, kept[2])
    end
  end
  if rate_requests > 0 and left < 1 then return answer('limited', left, reset_ms) end
  for name, value in pairs(fields) do redis.call('HSET', record, name, value) end
  redis.call('HSET', record, 'created_ms', whole(now))
  remember_idempotency(batch_id, fields)
end

local function decide(item, encoded)
  local outcome = item.outcome or (item.text.after and resolve_after(item.text, kept_items))
  if outcome then
    local counted
    counted, left, reset_ms = count_rate(key_rate(payer), rate_requests, rate_window_ms, 1)
    if counted then return outcome end
    return cjson.encode({'limited', left, reset_ms, rate_requests, rate_window_ms})
  end
  local word, quotas, subject, detail, job = decide_submission(
    item.job_id, item.fields, item.text, encoded, {
      on_conflict = item.on_conflict, run_at_ms = item.run_at_ms,
      max_active = max_active, operation_limits = item.operation_limits, limits = item.limits,
      payer = payer, rate_requests = rate_requests, rate_window_ms = rate_window_ms,
    })
  left, reset_ms = quotas.left, quotas.reset_ms
  if word == 'accepted' then detail = job and job.status end
  if word == 'limited' and subject == 'submissions' then
    local charge = item.operation_limits.charge
    return cjson.encode({word, quotas.submissions_left, quotas.submissions_reset_ms,
      charge.requests, charge.window_ms, item.fields.operation})
  end
  if word == 'limited' then subject, detail = rate_requests, rate_window_ms end
  return cjson.encode({word, left, reset_ms, subject, detail})
end

local sealed = redis.call('HGET', record, 'sealed')
if not sealed and redis.call('LLEN', kept_items) == first then
  for i, item in ipairs(items) do redis.call('RPUSH', kept_items, decide(item, params[i])) end
  redis.call('ZADD', key_unsealed(), now, batch_id)
  local total = tonumber(redis.call('HGET', record, 'total'))
  if redis.call('LLEN', kept_items) >= total then seal_batch(batch_id) end
end
local known = redis.call('LRANGE', kept_items, first, first + #items - 1)
if sealed and #known == 0 then return answer('closed', left, reset_ms) end
return answer('stored', left, reset_ms, known, whole(now))
