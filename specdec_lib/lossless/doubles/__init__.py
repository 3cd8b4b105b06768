"""Models that stand in for a model: remembering, checking, ending or forgiving."""
