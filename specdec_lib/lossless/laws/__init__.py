"""Exact laws of small things: enumerated, never sampled."""
