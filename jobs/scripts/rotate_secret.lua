-- rotate_secret: have a tenant's callbacks signed with its next secret from now on.
--
-- KEYS     secrets     hash  for each tenant as JSON: generation, rotated_ms, token, earlier
-- ARGV     tenant      str
--          overlap_ms  int   how long the secret that it had signs as well
--          token       str   names this rotation, so that a repeat changes nothing
-- RETURNS  rotated
-- EFFECT   changes
-- INCLUDES none
--
-- Of two rotations at once each counts. An earlier secret signs until its own time is over.
local said = redis.call('HGET', secrets, tenant)
local known = said and cjson.decode(said) or {generation = 1, earlier = {}}
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
