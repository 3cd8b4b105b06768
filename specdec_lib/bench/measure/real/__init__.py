"""Models that others have trained: where they come from, and which ways to decode them are compared."""
