"""Scans as files contain them."""
