"""Learning to rank for Keras 3, on JAX, TensorFlow and PyTorch."""

from plackett import losses, metrics
from plackett.lists import Ragged
