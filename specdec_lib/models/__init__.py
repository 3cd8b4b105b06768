"""Models: which pairs exist, how their weights are loaded, and the wrapper that runs them."""
