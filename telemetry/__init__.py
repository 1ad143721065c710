"""What a process tells its operators: log events and traces."""
