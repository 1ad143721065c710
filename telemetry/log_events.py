"""Every log event: its name, level, meaning and fields; docs/reference/log-events.md shows them."""

# long: a table, a few lines for each event

from enum import StrEnum
from typing import Self, TypeAlias

_Declaration: TypeAlias = tuple[str, ...]


def _debug(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "debug", meaning, *fields


def _debug_or_info(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "debug or info", meaning, *fields


def _info(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "info", meaning, *fields


def _info_or_warning(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "info or warning", meaning, *fields


def _warning(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "warning", meaning, *fields


def _error(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "error", meaning, *fields


def _critical(name: str, meaning: str, *fields: str) -> _Declaration:
    return name, "critical", meaning, *fields


class LogEvent(StrEnum):
    """An event that Callboard logs.

    A member is its name as a string. To declare one, write its name, its level, what happened, and
    the fields that the call adds, without those of the context, such as `job` during a run.

    Attributes:
        level: the level at which it is logged.
        meaning: what happened and, where it helps, what follows or what to do.
        fields: the names of the values that it carries.
    """

    level: str
    meaning: str
    fields: tuple[str, ...]

    def __new__(cls, name: str, level: str, meaning: str, *fields: str) -> Self:
        """Make a member whose value is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.level, member.meaning, member.fields = level, meaning, fields
        return member

    # Requests.

    REQUEST_HANDLED = _debug_or_info(
        "request_handled",
        "A request was answered. Statuses of 400 and above are logged at `info`, others at "
        "`debug`.",
        "method",
        "route",
        "status",
        "duration_ms",
    )
    REQUEST_REFUSED = _info(
        "request_refused",
        "The web server refused a request before it reached the API, such as one that is not "
        "valid HTTP.",
        "request_id",
        "status",
        "reason",
    )
    REQUEST_FAILED = _error(
        "request_failed",
        "The API failed to handle a request and answered `internal-error`. This is a bug in "
        "Callboard.",
        "exception",
        "stack",
    )
    OPERATION_FAULT = _error(
        "operation_fault",
        "The code of an operation, such as a validator or `unique_by`, failed while a "
        "submission was checked. The caller got `operation-fault`.",
        "operation",
        "exception",
        "stack",
    )
    KEYS_LOST = _error(
        "keys_lost",
        "Redis has lost all API keys. Requests are refused until an operator creates a key.",
        "remedy",
    )
    KEYS_MARKER_FAILED = _warning(
        "keys_marker_failed",
        "The storage is unavailable, so the web process could not record there that keys "
        "exist. It tries again.",
        "reason",
    )
    EVENT_SUBSCRIPTION_INTERRUPTED = _warning(
        "event_subscription_interrupted",
        "The subscription to job events in Redis was interrupted. It reconnects. If Redis denies "
        "it, waiting requests are checked once a second.",
        "reason",
    )
    EVENT_SUBSCRIPTION_FAILED = _error(
        "event_subscription_failed",
        "The subscription to job events failed unexpectedly. It reconnects. This is a bug in "
        "Callboard.",
    )
    CHECK_PROCESS_LOST = _warning(
        "check_process_lost",
        "The process that checks large parameters ended during a check. A new one takes over.",
        "operation",
    )
    CHECK_PROCESS_FAILED = _critical(
        "check_process_failed",
        "The process that checks large parameters could not load the operations.",
        "reason",
    )

    # Web servers.

    STORE_AWAITED = _warning(
        "store_awaited",
        "The web process waits for Redis before it accepts requests.",
        "reason",
    )
    WEB_DRAINING = _info(
        "web_draining",
        "The web process is stopping: it finishes its requests and accepts no new ones.",
        "has_successor",
    )
    REQUESTS_ABORTED = _warning(
        "requests_aborted",
        "The one-process server stopped before all requests were finished.",
    )
    ACCEPTING_PAUSED = _warning(
        "accepting_paused",
        "The web process has no file descriptor or memory left for new connections. It "
        "accepts them again as soon as it has.",
        "reason",
    )
    SLOW_CLIENT_DISCONNECTED = _info(
        "slow_client_disconnected",
        "The one-process server closed the connection of a client that sent or read too slowly.",
    )
    SLOW_READER_DISCONNECTED = _info(
        "slow_reader_disconnected",
        "The web process closed the connection of a client that read the response too slowly.",
    )

    # Redis.

    STORE_REFUSED = _error(
        "store_refused",
        "Redis lacks a permission or a feature that Callboard needs.",
        "reason",
    )
    STORE_MISCONFIGURED = _error(
        "store_misconfigured",
        "Redis is configured in a way that can lose jobs.",
        "reason",
    )
    STORE_CHECK_FAILED = _warning(
        "store_check_failed",
        "Redis was unavailable when a process tried to check its configuration.",
        "reason",
    )
    STORE_CONNECTION_LOST = _warning(
        "store_connection_lost",
        "A thread of the worker lost its connection to Redis. It tries again at its interval.",
        "loop",
        "reason",
    )
    STORE_CONNECTION_RESTORED = _info(
        "store_connection_restored",
        "A thread of the worker has reached Redis again.",
        "loop",
    )
    LOOP_FAILED = _error(
        "loop_failed",
        "A thread of the worker failed unexpectedly. It continues at its next interval. This "
        "is a bug in Callboard.",
        "loop",
    )
    RELAY_POSTPONED = _warning(
        "relay_postponed",
        "Redis was unavailable when messages of woken jobs were to be published. The "
        "housekeeper publishes them later.",
        "woken",
    )
    RELAY_FAILED = _error(
        "relay_failed",
        "Publishing messages of woken jobs failed unexpectedly. The housekeeper publishes "
        "them later. This is a bug in Callboard.",
    )
    CANCEL_LISTENER_DISCONNECTED = _warning(
        "cancel_listener_disconnected",
        "Redis does not allow the worker to subscribe to cancellations. Runs learn of theirs "
        "when their leases are renewed.",
        "reason",
    )
    CANCEL_LISTENER_FAILED = _error(
        "cancel_listener_failed",
        "The subscription to cancellations failed unexpectedly. It reconnects. This is a bug "
        "in Callboard.",
    )

    # RabbitMQ.

    RABBITMQ_CONNECTION_LOST = _warning(
        "rabbitmq_connection_lost",
        "The publisher lost its connection to RabbitMQ, or RabbitMQ blocks it. It reconnects; "
        "outstanding messages stay in the outbox.",
        "reason",
    )
    RABBITMQ_CONNECTION_RESTORED = _warning(
        "rabbitmq_connection_restored",
        "The publisher has reached RabbitMQ again.",
        "away_s",
    )
    RABBITMQ_ACCESS_REFUSED = _error(
        "rabbitmq_access_refused",
        "RabbitMQ refuses what the publisher needs, such as a permission.",
        "trouble",
        "reason",
    )
    RABBITMQ_QUEUE_REFUSED = _error(
        "rabbitmq_queue_refused",
        "RabbitMQ refused the declaration of a queue.",
        "queue",
        "reason",
    )
    PUBLISHER_CHANNEL_CLOSED = _warning(
        "publisher_channel_closed",
        "RabbitMQ closed the publisher's channel. The publisher reconnects and publishes "
        "unconfirmed messages again.",
        "reason",
    )
    CONSUMER_DISCONNECTED = _warning(
        "consumer_disconnected",
        "The consumer of a queue lost its connection to RabbitMQ. It reconnects.",
        "queue",
        "reason",
    )
    CONSUMER_RESTORED = _warning(
        "consumer_restored",
        "The consumer of a queue has reached RabbitMQ again.",
        "queue",
        "away_s",
    )
    CONSUMER_CONNECTION_LOST = _debug(
        "consumer_connection_lost",
        "The connection was already lost when the consumer closed it.",
        "queue",
    )
    QUEUE_LEVELS_OUTDATED = _warning(
        "queue_levels_outdated",
        "A queue was declared by an earlier version with fewer priority levels and still has "
        "messages. It is used as it is.",
        "queue",
    )
    QUEUE_ARGUMENTS_MISMATCHED = _error(
        "queue_arguments_mismatched",
        "A queue exists with arguments that Callboard does not declare. It is used as it is.",
        "queue",
        "reason",
    )

    # Messages.

    MESSAGE_REJECTED = _error(
        "message_rejected",
        "A message that is not a Dramatiq message was rejected.",
        "queue",
        "job",
        "operation",
        "bytes",
        "reason",
    )
    MESSAGE_UNREADABLE = _error(
        "message_unreadable",
        "A Dramatiq message does not describe a job. It is dropped.",
        "reason",
    )
    MESSAGE_FAILED = _error(
        "message_failed",
        "A message failed before its job could be claimed. This is a bug in Callboard.",
        "exception",
        "raised_at",
    )
    MESSAGE_SKIPPED = _debug(
        "message_skipped",
        "A message was acknowledged without a run: a duplicate, for example, or one for a "
        "cancelled job.",
    )
    MESSAGE_CONNECTION_LOST = _debug(
        "message_connection_lost",
        "The connection was lost before a message was acknowledged. RabbitMQ delivers it again.",
        "job",
    )
    OPERATION_UNKNOWN = _warning(
        "operation_unknown",
        "This worker does not have the job's operation. The job is postponed so that another "
        "worker can take it. Logged once a minute for each operation.",
        "answer",
    )
    FORMAT_UNKNOWN = _warning(
        "format_unknown",
        "A newer version submitted the job, and this worker cannot read it. It is kept for a "
        "newer worker. Logged once a minute for each operation.",
        "answer",
        "format",
    )
    JOB_RECOVERED = _warning(
        "job_recovered",
        "Redis had lost a job whose message still existed. With the `answer` `recovered`, the "
        "message restored it; any other `answer` says why it did not.",
        "answer",
    )

    # Runs.

    RUN_STARTED = _info(
        "run_started",
        "A worker claimed a job and is starting its function.",
    )
    RUN_ENDED = _info(
        "run_ended",
        "A run ended. After an error, `exception` and `raised_at` name it; under `callboard "
        "dev`, `traceback` shows it.",
        "outcome",
        "duration_ms",
        "answer",
        "error",
        "delay_ms",
        "exception",
        "raised_at",
        "traceback",
    )
    RETRY_POLICY_FAILED = _error(
        "retry_policy_failed",
        "The retry policy of an operation failed, so the default policy decided the delay.",
        "reason",
        "delay_ms",
    )
    STATE_NOT_SAVED = _debug(
        "state_not_saved",
        "Redis did not accept the state that a function saved; it is written again.",
        "reason",
    )
    REPORT_DROPPED = _debug(
        "report_dropped",
        "Redis was unavailable when a run reported progress. The next report replaces it.",
    )
    FUNCTION_STUCK = _warning(
        "function_stuck",
        "A function was told to stop and is still running. Logged again at growing intervals.",
        "job",
        "operation",
        "attempt",
        "cause",
        "for_s",
    )
    PROCESS_RESTORED = _info(
        "process_restored",
        "A function had changed the state of the worker process, such as a signal handler. The "
        "state was restored.",
        "changed",
    )
    PROCESS_RESTORE_FAILED = _error(
        "process_restore_failed",
        "A function changed the worker process in a way that cannot be reverted. The "
        "worker is replaced where its supervisor allows it.",
        "changed",
    )
    CHILD_REPLACED = _info(
        "child_replaced",
        "A function changed its child process in a way that cannot be reverted. The next "
        "run gets a new process.",
        "pid",
        "changed",
    )
    CHILD_LOST = _warning(
        "child_lost",
        "A child process ended before its function started. Another one is tried.",
        "pid",
    )
    CHILD_FORK_FAILED = _error(
        "child_fork_failed",
        "The operating system refused to fork a child process.",
        "reason",
    )
    FORK_SERVER_FAILED = _critical(
        "fork_server_failed",
        "The fork server could not load the operations.",
        "reason",
    )
    FORK_SERVER_TIMED_OUT = _error(
        "fork_server_timed_out",
        "The fork server did not answer. It is killed and started again.",
        "pid",
    )
    FORK_SERVER_LOST = _error(
        "fork_server_lost",
        "The fork server ended. It is started again.",
        "exit_code",
    )

    # The life of a worker.

    WORKER_START_REFUSED = _critical(
        "worker_start_refused",
        "Redis does not meet `CALLBOARD_DURABILITY=strict`, or its database does not exist. "
        "The worker exits with code 2.",
        "reason",
    )
    WORKER_STOPPING = _info(
        "worker_stopping",
        "The worker was told to stop. It claims no more jobs and waits for those that run.",
        "running",
    )
    WORKER_STOPPED = _info(
        "worker_stopped",
        "The worker has stopped.",
    )
    WORKER_CUT_SHORT = _error(
        "worker_cut_short",
        "Functions did not stop in time, so the worker exits without them. Other workers run "
        "their jobs again.",
        "running",
    )
    WORKER_ORPHANED = _error(
        "worker_orphaned",
        "The process that started the worker has died. The worker stops.",
    )
    WORKER_STUCK = _critical(
        "worker_stuck",
        "All threads of the worker are dead or stuck. The worker stops; its supervisor should "
        "start it again.",
        "threads",
        "stuck",
        "dead",
    )
    THREAD_DIED = _critical(
        "thread_died",
        "A thread that runs functions has died. Its job is claimed again when the lease expires.",
        "thread",
        "job",
    )
    WORKER_DEPARTURE_FAILED = _debug(
        "worker_departure_failed",
        "Redis was unavailable when the worker deregistered. Its entry expires within 30 s.",
    )

    # Schedules and maintenance.

    SCHEDULES_LOST = _warning(
        "schedules_lost",
        "Redis had lost schedules of the schedule file. The worker declares them again.",
    )
    SCHEDULES_REJECTED = _error(
        "schedules_rejected",
        "The schedule file has more schedules than are allowed.",
        "reason",
    )
    TICKS_POSTPONED = _debug(
        "ticks_postponed",
        "Redis was unavailable when schedules were due. They are submitted later.",
        "reason",
    )
    TICK_POSTPONED = _warning(
        "tick_postponed",
        "A schedule is due, but the leading worker does not have its operation. Another "
        "worker has ten minutes to submit the job.",
        "schedule",
        "operation",
    )
    TICK_PROCESSED = _info_or_warning(
        "tick_processed",
        "A due schedule submitted its job or skipped this time. Any other `outcome`, logged at "
        "`warning`, says why it submitted none.",
        "schedule",
        "outcome",
        "job",
    )
    TICK_FAILED = _error(
        "tick_failed",
        "A due schedule could not submit its job. It is tried again.",
        "schedule",
    )
    HOUSEKEEPER_LEAD_ACQUIRED = _info(
        "housekeeper_lead_acquired",
        "This worker now does the maintenance of the installation.",
    )
    HOUSEKEEPER_LEAD_RELEASED = _info(
        "housekeeper_lead_released",
        "Another worker now does the maintenance of the installation.",
    )
    HOUSEKEEPER_LEAD_RELEASE_FAILED = _debug(
        "housekeeper_lead_release_failed",
        "Redis was unavailable when the worker gave up the maintenance. The lead expires.",
    )
    MAINTENANCE_TASK_FAILED = _error(
        "maintenance_task_failed",
        "A maintenance task failed unexpectedly. The others continue. This is a bug in Callboard.",
    )

    # Webhooks.

    WEBHOOKS_SKIPPED = _info(
        "webhooks_skipped",
        "The worker sends no webhooks.",
        "reason",
    )
    WEBHOOK_ATTEMPTED = _info(
        "webhook_attempted",
        "A webhook was sent. `outcome` says what follows; `code` is the receiver's status.",
        "delivery",
        "job",
        "batch",
        "tenant",
        "request_id",
        "host",
        "attempts",
        "outcome",
        "code",
        "problem",
        "duration_ms",
    )
    WEBHOOK_POSTPONED = _warning(
        "webhook_postponed",
        "Redis was unavailable when a webhook was due. It is sent later.",
        "delivery",
        "job",
        "batch",
        "tenant",
        "request_id",
        "host",
        "attempts",
    )
    WEBHOOK_FAILED = _error(
        "webhook_failed",
        "An attempt to send a webhook failed unexpectedly. It is tried again. This is a bug "
        "in Callboard.",
        "delivery",
        "stack",
    )
