"""Public data sets as lists. Internal: `plackett.data` has the public names."""
