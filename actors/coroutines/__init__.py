"""Async functions: one event loop for each process, and nothing of a run outlives it."""
