"""The kinds of systems, one in each file. Internal."""
