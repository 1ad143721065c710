-- rotate_secret: start the next generation of a tenant's callback secret.
--
-- KEYS     secrets     hash  JSON for each tenant: generation, rotated_ms, token, earlier
-- ARGV     tenant      str
--          overlap_ms  int   how long the previous secret continues to sign
--          token       str   identifies this rotation, so that a repeat changes nothing
-- RETURNS  rotated
-- EFFECT   changes
-- INCLUDES none
--
-- Two concurrent rotations both count. An earlier secret signs until its own overlap ends.
local stored = redis.call('HGET', secrets, tenant)
local known = stored and cjson.decode(stored) or {generation = 1, earlier = {}}
if known.token == token then
  return answer('rotated')
end
local earlier = {{generation = known.generation, until_ms = now + overlap_ms}}
for _, one in ipairs(known.earlier) do
  if one.until_ms > now then
    table.insert(earlier, one)
  end
end
redis.call('HSET', secrets, tenant, cjson.encode({
  generation = known.generation + 1, rotated_ms = now, token = token, earlier = earlier,
}))
return answer('rotated')
