-- try_store: find out whether changes are taken now, by one that undoes itself.
--
-- KEYS     trial   string  gone within a second
-- ARGV     none
-- RETURNS  heard | unheard
-- EFFECT   grows
-- INCLUDES none
--
-- Changes no job. Says 'unheard' where Redis does not let us tell anybody anything.
redis.call('SET', trial, '1', 'PX', 1000)
local told = redis.pcall('PUBLISH', channel_events, '')
local refused = type(told) == 'table' and told.err
return answer(refused and 'unheard' or 'heard')
