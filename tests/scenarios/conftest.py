"""Installations for the scenarios of the example systems."""

from tests.system.conftest import stack

__all__ = ["stack"]
