"""Callbacks: what is told to whom about jobs, and what addresses may be told."""
