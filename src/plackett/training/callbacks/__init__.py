"""Callbacks of a run: the best epoch, checkpoints, divergence, randomness. Internal."""
