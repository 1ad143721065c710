"""What Callboard promises, one file a promise."""
