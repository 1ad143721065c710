"""Callbacks over HTTP: their options, deliveries and bodies."""
