"""Lua: one file per transition, and the functions that they share."""
