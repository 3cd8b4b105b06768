"""What samples say: tests with their power, bounds, and what rounding may do."""
