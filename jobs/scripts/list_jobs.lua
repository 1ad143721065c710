-- list_jobs: find one tenant's jobs with given facets, newest first, from a position on.
--
-- KEYS     index       zset  the tenant's jobs by creation
-- ARGV     tenant      str
--          facets      json  list of {facet, value}: a job must have all of them
--          after_ms    int   jobs created after this time
--          before_ms   int   jobs created before this time, or at it with an id below before_id
--          before_id   str
--          most        int   maximum number of jobs per call
--          candidates  int   maximum number of jobs examined per call
-- RETURNS  more | end
-- EFFECT   reads
-- INCLUDES none
--
-- Across pages, a job that exists all the time is listed exactly once. Also returns the ids, each
-- with its creation time in ms, and the position of the last job examined: id and time.
local indexes = {index}
for i, facet in ipairs(facets) do indexes[i + 1] = key_index_facet(tenant, facet[1], facet[2]) end
local sizes, oldest, newest = {}, '(' .. whole(after_ms), whole(before_ms)
for _, key in ipairs(indexes) do sizes[key] = redis.call('ZCOUNT', key, oldest, newest) end
-- Walk the smallest index. Of the others, the smaller ones exclude a job soonest.
table.sort(indexes, function(a, b) return sizes[a] < sizes[b] end)
local walked = table.remove(indexes, 1)

-- Find the start: after all newer jobs, and by binary search among those of the same time.
local first = redis.call('ZCOUNT', walked, '(' .. newest, '+inf')
local last = first + redis.call('ZCOUNT', walked, newest, newest)
while first < last do
  local middle = math.floor((first + last) / 2)
  if redis.call('ZREVRANGE', walked, middle, middle)[1] < before_id then
    last = middle
  else
    first = middle + 1
  end
end

local stop = redis.call('ZCOUNT', walked, oldest, '+inf')
local ends = math.min(stop, first + candidates)
local found, seen_id, seen_ms, step = {}, before_id, newest, #indexes == 0 and most or 100
while first < ends and #found < 2 * most do
  local chunk = redis.call(
    'ZREVRANGE', walked, first, math.min(first + step, ends) - 1, 'WITHSCORES')
  local ids, known = {}, {}
  for i = 1, #chunk, 2 do ids[#ids + 1] = chunk[i] end
  for i, key in ipairs(indexes) do known[i] = redis.call('ZMSCORE', key, unpack(ids)) end
  for i, id in ipairs(ids) do
    seen_id, seen_ms, first = id, chunk[2 * i], first + 1
    local wanted = true
    for _, scores in ipairs(known) do wanted = wanted and scores[i] end
    if wanted then
      found[#found + 1], found[#found + 2] = seen_id, seen_ms
      if #found == 2 * most then break end
    end
  end
end
return answer(first < stop and 'more' or 'end', found, seen_id, seen_ms)
