"""Calls an operation's function: its result, its failure, and what it prints."""
