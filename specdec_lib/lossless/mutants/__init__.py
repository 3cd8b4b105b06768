"""Wrong on purpose: decoders with one mistake each, made to show that the tests can fail. Never decode with them."""
