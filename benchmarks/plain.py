"""What the studies train with, so that their numbers are of no default that changes: a perceptron, early stopping."""

NETWORK = {"transform": "log1p", "dropout": 0.2, "linear": False}  # options of `mlp`
TRAINING = {"batch_size": 32, "epochs": 50, "patience": 5, "weight_average": 0.0}
