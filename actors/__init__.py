"""Messages in: the Dramatiq brokers, their middleware, the operations and the housekeeping."""
