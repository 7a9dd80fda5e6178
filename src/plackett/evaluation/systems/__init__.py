"""What ranks: one file a kind of system. Internal."""
