"""Small rankers of each kind with weights that are not those of the start, and lists for them."""

import dataclasses

import numpy as np
from conftest import made_lists

from plackett import scorers
from plackett.clicks.models import DynamicBayesianModel

NAMES = ("bm25", "age", "clicks of a day", "price", "length")


def with_ids(lists):
    """The lists with names of features, an id of each kind, and positions."""
    places = np.arange(len(lists.labels))
    return dataclasses.replace(
        lists,
        feature_names=NAMES,
        ids={
            "film": np.array([f"film {place % 11}" for place in places]),
            "shop": (places % 7).astype("int32"),
            "seller": places % 5 + 2**40,
        },
        columns={"position": places - np.repeat(lists.row_splits[:-1], lists.lengths) + 1.0},
    )


def with_missing(lists):
    """The lists with a feature that some documents lack."""
    features = lists.features.copy()
    features[::7, 1] = np.nan
    return dataclasses.replace(lists, features=features)


LISTS = with_ids(made_lists(30, seed=0))
DENSE = LISTS.with_ids(())
TEST = with_ids(made_lists(12, seed=1))


def two_towers():
    """A model of clicks, whose loss says how several scores rank."""
    model = scorers.two_tower(LISTS, relevance_options={"hidden": (4,)}, models=3)
    model.compile(loss=DynamicBayesianModel())
    return model


MODELS = {
    "mlp": lambda: scorers.mlp(LISTS, hidden=(4,)),
    "mlp, transform quantile": lambda: scorers.mlp(LISTS, hidden=(4,), transform="quantile", normalization="layer"),
    "mlp, missing": lambda: scorers.mlp(with_missing(LISTS), hidden=(4,), missing=True),
    "mlp, several models": lambda: scorers.mlp(LISTS, hidden=(4,), models=3),
    "mlp, several tasks": lambda: scorers.mlp(LISTS, hidden=(4,), tasks=("click", "buy")),
    "embeddings": lambda: scorers.embeddings(LISTS, hidden=(4,), dimension=2),
    "dcn": lambda: scorers.dcn(DENSE, crosses=1, rank=2, hidden=(4,)),
    "self_attention": lambda: scorers.self_attention(DENSE, hidden=(4,), blocks=1, feed_forward=4),
    "additive": lambda: scorers.additive(LISTS.with_ids(["shop"]), hidden=(4,)),
    "table": lambda: scorers.table(LISTS, id="film"),
    "table, buckets": lambda: scorers.table(LISTS, id="film", buckets=8),
    "two_tower": two_towers,
    "embeddings, ensemble": lambda: scorers.ensemble(
        [
            scorers.embeddings(LISTS, hidden=(4,), dimension=2),
            scorers.mlp(DENSE, hidden=(4,)),
            scorers.table(LISTS, id="film"),
        ]
    ),
}


def make(name):
    """One of the models, whose weights are drawn."""
    model, random = MODELS[name](), np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            low = 0.5 if "variance" in weight.path else -0.5
            weight.assign(random.uniform(low, low + 1, weight.shape))
    return model
