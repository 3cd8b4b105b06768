"""Two engines at temperature 0: where their texts part, and whether rounding can have been the reason."""
