"""Surfaces of scans as meshes: an operation and the old routes."""
