"""Schedules: jobs that recur."""
