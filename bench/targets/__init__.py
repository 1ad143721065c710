"""Top-level modules on the path of a server under attack."""
