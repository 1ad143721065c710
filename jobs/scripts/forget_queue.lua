-- forget_queue: stop checking a queue in which no job waits.
--
-- KEYS     queues  set  queues that have an awaiting set
-- ARGV     queue   str
-- RETURNS  forgotten | used
-- EFFECT   changes
-- INCLUDES none
--
-- The next confirmed message of the queue adds it again.
if redis.call('EXISTS', key_awaiting(queue)) == 1 or redis.call('EXISTS', key_queued(queue)) == 1 then
  return answer('used')
end
redis.call('SREM', queues, queue)
return answer('forgotten')
