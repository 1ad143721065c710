"""Releases of an ontology, the difference between two of them, and the current one."""
