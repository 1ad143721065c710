"""Processes that a function has started: all of them as one tree, and the memory they use."""
