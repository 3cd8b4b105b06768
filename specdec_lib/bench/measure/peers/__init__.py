"""Side by side with other people's decoders, in one run.

Of the four questions: *how fast is it?*, measured beside others.
"""
