"""Runs the function of a claimed job, with its files, and records the outcome."""
