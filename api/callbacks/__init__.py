"""Callbacks over HTTP: what is asked for, what became of it, what is sent."""
