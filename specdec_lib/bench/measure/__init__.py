"""Measuring: arms and the one loop that runs them, the grid and its prompts, a session, single forwards."""
