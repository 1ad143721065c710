"""`callboardctl doctor`: checks an installation, and reports problems and remedies."""
