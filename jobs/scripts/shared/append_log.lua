-- Add log lines, oldest dropped once the job has too many of them or too many bytes.
local function append_log(id, lines, most_lines, most_bytes)
  if #lines == 0 then return end
  local log = key_log(id)
  local bytes = tonumber(redis.call('HGET', key_job(id), 'log_bytes') or 0)
  for _, line in ipairs(lines) do
    redis.call('RPUSH', log, line)
    bytes = bytes + #line
  end
  while redis.call('LLEN', log) > most_lines or bytes > most_bytes do
    local dropped = redis.call('LPOP', log)
    if not dropped then break end
    bytes = bytes - #dropped
    redis.call('HINCRBY', key_job(id), 'log_dropped', 1)
  end
  redis.call('HSET', key_job(id), 'log_bytes', whole(bytes))
end
