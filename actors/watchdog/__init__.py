"""Detects that a worker hangs, lost its parent, or has threads that do not stop."""
