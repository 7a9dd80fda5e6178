"""Preprocessing fitted on training lists, and its layers. Internal: `plackett.scorers` has the public names."""
