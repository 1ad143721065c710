"""Turns scans into meshes of their surfaces: an operation, and the routes of an older API."""
