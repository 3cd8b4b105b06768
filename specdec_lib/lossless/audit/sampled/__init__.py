"""Counted laws of whatever answers, against a law that is told and against plain decoding of the same."""
