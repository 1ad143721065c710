"""What one worker at a time does for all: the housekeeper's tasks and the scheduler."""
