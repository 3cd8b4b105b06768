"""Counted laws of whatever answers, against a law that is told and against the same engine's plain decoding."""
