"""Other people's engines as arms of a comparison: started here, or found at an address.

Of the four questions: *how fast is it?*, measured beside others.
"""
