"""What a model's architecture means for decoding: causal or not, positions, ropes, sound logits."""
