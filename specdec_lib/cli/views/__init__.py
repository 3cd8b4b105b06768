"""What the commands show, and how they ask."""
