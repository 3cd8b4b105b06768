"""What ``specdec doctor`` finds out: of the machine, of its memory, of a pair and of a drafter."""
