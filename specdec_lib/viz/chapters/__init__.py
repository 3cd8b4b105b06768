"""Figures of single chapters of the book."""
