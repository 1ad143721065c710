-- The first of the files (a JSON list of ids) that this tenant has not, or no longer; nil for none.
local function missing_file(tenant, files)
  for _, file_id in ipairs(cjson.decode(files or '[]')) do
    local known = redis.call('HMGET', key_file(file_id), 'status', 'tenant')
    if known[1] ~= 'ready' or known[2] ~= tenant then return file_id end
  end
end
