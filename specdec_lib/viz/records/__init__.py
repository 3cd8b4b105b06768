"""Figures of benchmark records."""
