"""Explaining a run of which only counters and two times are known."""
