"""Readers, one format per module. Internal: `plackett.data` has the public names."""
