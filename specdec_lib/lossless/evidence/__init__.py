"""What counted numbers say: tests with their power, bounds, and what rounding may do."""
