"""Compare the records of jobs with everything that follows from them, and mend what differs."""
