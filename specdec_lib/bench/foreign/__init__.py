"""Foreign runs: what other engines say of their speculation, read into one kind of counts."""
