"""Click models: how clicks come about, as likelihoods of logits."""
