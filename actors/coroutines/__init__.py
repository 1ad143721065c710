"""Async functions: one event loop for all of a process, and nothing of a run outlives it."""
