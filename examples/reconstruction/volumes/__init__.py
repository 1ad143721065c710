"""Reads scans from files."""
