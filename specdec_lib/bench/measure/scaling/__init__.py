"""How the time of a step and of a round grows: what is timed, and on which models."""
