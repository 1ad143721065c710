"""Problems (RFC 9457): their types, the mapping from errors, their pages, server refusals."""
