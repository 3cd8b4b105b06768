"""What every floor needs and no floor owns: logging, seeds, paths, how a command ends."""
