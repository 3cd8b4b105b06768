"""Side by side with other people's decoders, in one run."""
