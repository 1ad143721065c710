"""The HTTP API: parses a request, makes one call into jobs/, renders the response."""
