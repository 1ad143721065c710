"""Compare the records of jobs with everything that follows from them, and repair what differs."""
