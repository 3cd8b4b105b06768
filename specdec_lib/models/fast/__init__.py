"""Forwards: eager, compiled, their products of a few rows, and threads."""
