"""Validates large parameters in a separate process, so that they delay no other request."""
