"""What moves: the step-through and the playground."""
