"""What a pair did, and what it would propose, with the laws of both models computed anew."""
