"""Requests that wait for a change of a job."""
