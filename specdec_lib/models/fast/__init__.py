"""Faster forwards: compiled code, products of a few rows, threads."""
