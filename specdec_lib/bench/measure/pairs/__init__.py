"""A pair under measurement: how its two arms decode, what a block asks of them, what the stages take."""
