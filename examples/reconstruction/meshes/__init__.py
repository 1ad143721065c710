"""Surfaces of scans as meshes of triangles."""
