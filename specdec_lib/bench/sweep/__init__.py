"""Sweeps: a grid of cells, each an executed notebook that leaves one record."""
