"""The promises for a run with faults, judged from its history alone; one file per promise."""
