"""Routes that an installation's own modules add: what they are given, and how they are loaded."""
