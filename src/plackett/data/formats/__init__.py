"""Readers, one format a file. Internal: `plackett.data` has their public names."""
