"""Development programs for this repository; none of them is installed."""
