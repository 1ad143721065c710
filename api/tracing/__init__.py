"""Request ids, traces and the line that each request leaves in the log."""
