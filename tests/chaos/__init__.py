"""A seeded nemesis against a whole installation, and a verdict from what was written down."""
