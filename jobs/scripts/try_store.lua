-- try_store: test whether Redis accepts writes and publishes now.
--
-- KEYS     trial   string  expires within a second
-- ARGV     none
-- RETURNS  published | refused
-- EFFECT   grows
-- INCLUDES none
--
-- Changes no job. 'refused' means that Redis does not let us publish on the events channel.
redis.call('SET', trial, '1', 'PX', 1000)
local published = redis.pcall('PUBLISH', channel_events, '')
local refused = type(published) == 'table' and published.err
return answer(refused and 'refused' or 'published')
