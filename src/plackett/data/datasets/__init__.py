"""Public data sets, made into lists. Internal: `plackett.data` has their public names."""
