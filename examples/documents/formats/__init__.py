"""Readers of each format: they know neither jobs nor HTTP."""
