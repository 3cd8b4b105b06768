"""The report of a sweep: its figures, what to see in them, and the one page that holds them."""
