"""Learning to rank for Keras 3, on JAX, TensorFlow and PyTorch.

The names below are loaded when they are first used, so that the backend of Keras may be chosen until then.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["catalogue", "data", "gains", "lambdas", "lists", "losses", "metrics", "scorers"],
    submod_attrs={
        "evaluation": ["evaluate", "evaluate_scores", "score"],
        "lists": ["Ragged"],
        "training": ["train"],
    },
)
