"""Systems of operations to read and to try; none of them is part of an installation."""
