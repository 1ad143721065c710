"""HTTP in: parse a request, make one call into jobs/, render the answer."""
