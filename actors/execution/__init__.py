"""Run the function of a claimed job, with its files, and record how that ended."""
