"""What is fitted on training lists, and the layers that keep it. Internal: `plackett.scorers` has the public names."""
