"""Key-value caches that roll back without copying."""
