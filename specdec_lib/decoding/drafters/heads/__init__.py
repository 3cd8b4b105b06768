"""Heads that were trained for one target, on its first layers, and draft for it: a folder each."""
