"""Measuring a run: timers, peak memory, and the result that carries the counts."""
