"""Files: what jobs take and make, where they are kept, and for how long."""
