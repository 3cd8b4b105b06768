"""How the time of a step and of a round grows: what is timed, on which models; and pairs of known shape.

Of the four questions: *how fast is it?*, measured as lengths grow.
"""
