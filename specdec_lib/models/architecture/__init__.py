"""What a model's architecture means for decoding: its width, positions, ropes, sound logits."""
