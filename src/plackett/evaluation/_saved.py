"""Loads rankers from files."""

import importlib
import os
import zipfile

import keras

from plackett._files import find_model


def load(path: str | os.PathLike) -> keras.Model:
    """Loads the ranker in the output folder of a run, or in a `.keras` file.

    For a two-tower run, the folder gives the relevance tower, which ranks, and its file `whole_model.keras` gives both.

    `keras.models.load_model` does the same if the classes of plackett have been imported before.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> trained = plackett.train(lists, epochs=1, output=folder)
    >>> bool((plackett.score(load(folder), lists) == plackett.score(trained.model, lists)).all())
    True

    Raises:
        FileNotFoundError: there is no such file, or the folder holds no run.
        ValueError: Keras cannot load a model from the file.
    """
    path = find_model(path)
    # Keras finds their classes only once they have been imported.
    for name in ("clicks.models", "lambdas", "losses", "metrics", "scorers"):
        importlib.import_module(f"plackett.{name}")
    try:
        model = keras.models.load_model(path)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"Keras cannot load a model from {path}: {error}") from error
    model.jit_compile = None  # chosen anew: a model compiled by XLA on JAX would use torch.compile, which takes minutes
    return model
