"""Other people's engines: exact laws by replaying their dice, counted laws of what answers, ties or bugs."""
