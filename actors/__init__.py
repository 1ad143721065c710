"""The worker: from a message to the recorded outcome of its job.

In the order of a worker's life: `container` builds its parts and `worker` starts and stops them;
`broker` and `publisher` speak with RabbitMQ; `claiming` takes a job; `execution` runs it, by
`invocation` in a thread or by `isolation` in a child, while `lease_renewal` keeps its lease;
`interrupts` and `cancel_listener` stop it; `process_state` restores what functions changed.
Beside that: `maintenance` (housekeeper, scheduler), `webhooks`, `watchdog` and `shutdown`.
"""
