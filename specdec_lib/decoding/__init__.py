"""Decoding: from logits to probabilities, from drafts to verdicts, from a prompt to tokens."""
