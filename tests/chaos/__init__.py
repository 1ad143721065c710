"""A seeded nemesis against a whole installation, and a verdict on the recorded history."""
