"""`callboardctl doctor`: look at an installation, say what is wrong and what to do."""
