"""Several texts at once: shared forwards, while each text keeps its own length, chance and end."""
