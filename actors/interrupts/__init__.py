"""Interrupt a function that runs in another thread."""
