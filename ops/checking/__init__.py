"""Large parameters are validated in a process of its own, so that they hold up no request."""
