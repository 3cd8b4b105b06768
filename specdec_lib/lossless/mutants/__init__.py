"""Wrong on purpose, so that tests can be seen to fail: decoders with one mistake each, never to be used."""
