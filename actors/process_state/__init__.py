"""What functions change of the process that runs them, and how that is put back."""
