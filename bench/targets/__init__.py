"""Modules that go on the path of a server under attack, under names of their own."""
