"""Makes Redis lose jobs, as after a crash before a write to disk."""

from typing import Final

from callboard.jobs.keys import lua_prelude
from callboard.jobs.lua_modules import included_modules, shared_functions
from callboard.jobs.statuses import status_prelude
from callboard.jobs.store import Store

_INCLUDES: Final = ("record",)

# Only jobs that their message can bring back: confirmed and not thrown away since, waiting for it,
# of no batch, with no key that somebody else might have taken meanwhile.
_LOSE: Final = """
local queue, most, since, lost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local time = redis.call('TIME')
local at = string.format('%d', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
for _, id in ipairs(redis.call('ZRANGE', key_awaiting(queue), 0, -1)) do
  local job = read_job(id)
  local simple = job and job.status == 'queued' and tonumber(job.attempt) == 0
    and tonumber(job.created_ms) > since
    and not (job.blocked_on or job.reserved or job.batch_id)
    and not (job.fingerprint or job.idempotency_digest)
  if simple and #lost < most then
    for _, index in ipairs(indexes_of(job, {})) do redis.call('ZREM', index, id) end
    redis.call('ZREM', key_active(), id)
    redis.call('ZREM', key_active_operation(job.operation), id)
    redis.call('ZREM', key_outbox(), id)
    redis.call('ZREM', key_awaiting(queue), id)
    redis.call('ZREM', key_queued(queue), id)
    redis.call('DEL', key_job(id), key_text(id), key_params(id), key_log(id))
    redis.call('XADD', key_history(), 'NOMKSTREAM', '*', 'at', at, 'script', 'lose_job',
      'key', key_job(id), 'what', 'lost', 'values', cjson.encode({id}))
    lost[#lost + 1] = id
  end
end
return lost
"""


def lose_records(store: Store, *, most: int, since_ms: int) -> list[str]:
    """Remove queued jobs without a trace, and return their ids.

    Args:
        store: holds them.
        most: maximum number of jobs.
        since_ms: only jobs created after that; when RabbitMQ last lost messages.

    Raises:
        redis.RedisError: Redis does not answer; a repeat loses others.

    """
    shared = shared_functions(_LOSE, included_modules("lose_job", _LOSE, _INCLUDES))
    source = f"{lua_prelude()}\n{status_prelude()}\n{shared}\n{_LOSE}"
    lost = store.redis.eval(source, 1, store.keys("limits"), "default", most, since_ms)
    return [job_id.decode() for job_id in lost]
