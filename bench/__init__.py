"""Measurements of a whole installation."""
