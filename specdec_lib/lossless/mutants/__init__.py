"""Wrong on purpose: decoders with one mistake each, which show that the tests can fail. Never use them."""
