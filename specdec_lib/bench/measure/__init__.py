"""Measuring: the grid, its prompts and its runner, a session, and what single forwards cost."""
