"""Closed forms of speculative decoding and of the roofline: numpy and floats, never torch."""
