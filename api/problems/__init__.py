"""Problems (RFC 9457): their types, which error is which, their pages, and what servers refuse."""
