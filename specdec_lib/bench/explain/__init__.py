"""Explaining: where the difference between predicted and measured speed went, in words and numbers."""
