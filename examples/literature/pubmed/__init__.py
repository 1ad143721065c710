"""MEDLINE records: how they are read, fetched, kept and searched; it knows nothing of Callboard."""
