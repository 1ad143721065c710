"""Runs functions in child processes, which can be ended whatever they do."""
