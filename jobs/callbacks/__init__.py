"""Callbacks: the deliveries of events, and the URLs that they may go to."""
