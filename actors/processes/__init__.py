"""The processes that a function has started: as one tree, and the memory that they use."""
