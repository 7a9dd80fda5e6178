"""The model formats of the learning to rank plugins of search engines. Internal: use the names of `plackett.export`."""
