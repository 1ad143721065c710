"""The operations that this service offers: every public module here is looked through for them."""
