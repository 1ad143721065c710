-- Every listing that a job stands in.
local function indexes_of(job, text)
  local indexes = {
    key_index(job.tenant),
    key_index_facet(job.tenant, 'status', job.status),
    key_index_facet(job.tenant, 'operation', job.operation),
  }
  if job.batch_id then
    indexes[#indexes + 1] = key_index_facet(job.tenant, 'batch', job.batch_id)
  end
  for name, value in pairs(cjson.decode(text.labels or '{}')) do
    indexes[#indexes + 1] = key_index_facet(job.tenant, 'label', name .. '=' .. value)
  end
  return indexes
end
