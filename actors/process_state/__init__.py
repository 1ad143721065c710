"""What functions change of the process that runs them, and how it is restored."""
