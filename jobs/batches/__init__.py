"""Batches: many submissions in one call."""
