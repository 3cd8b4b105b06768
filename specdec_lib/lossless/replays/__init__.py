"""What was decoded, read once more: p, q and the draw of every position."""
