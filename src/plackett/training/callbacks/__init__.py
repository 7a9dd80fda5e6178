"""What happens beside the steps of a run: the best epoch, checkpoints, divergence, randomness. Internal."""
