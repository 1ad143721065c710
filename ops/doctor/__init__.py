"""`callboardctl doctor`: look at an installation, say what is the matter and what to do."""
