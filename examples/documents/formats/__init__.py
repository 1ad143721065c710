"""Readers of each format, independent of jobs and HTTP."""
