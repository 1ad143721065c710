"""The promises of Callboard, one file per promise."""
