"""Releases of an ontology, what differs between two of them, and which one is current."""
