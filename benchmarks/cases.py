"""What `losses.py` measures: the losses, their inputs, their peers and the goals.

Numpy alone, for every process imports this file, each in the environment of its library. Inputs are float32 from fixed
seeds, drawn as float32: a passing float64 copy would hide under the high-water mark of memory.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

TENSORFLOW_RANKING, ADDONS, RAX, KERAS_RS = "TF-Ranking", "TF-Addons", "rax", "keras-rs"
BACKENDS = {"plackett": ("jax", "tensorflow", "torch"), TENSORFLOW_RANKING: ("tensorflow",), ADDONS: ("tensorflow",)}
BACKENDS |= {RAX: ("jax",), KERAS_RS: ("jax",), "numpy": ("numpy",)}
SETTINGS = {"jax": ("jit",), "tensorflow": ("graph", "xla"), "torch": ("eager",), "numpy": ("eager",)}


@dataclasses.dataclass(frozen=True)
class Case:
    """One loss on inputs of one kind.

    Args:
        loss: the class, of the same name in plackett and in its peers; or another function that `measure.py` knows.
        inputs: function of (lists, list_size) that returns (labels, scores).
        options: of the class.
        library: that measures it, beside the peers.
        weighted: with `lambda_weight=NDCGLambdaWeight()`, as far as the peer has it.
        forward: without the gradient.
        peers: the libraries to compare with.
        ratios: {(backend, peer): the goal of the peer's time / plackett's time}.
        seconds, megabytes: {backend: the goal of plackett's time, of its extra memory}.
    """

    loss: str
    inputs: Callable
    list_size: int
    lists: int = 32
    options: dict = dataclasses.field(default_factory=dict)
    library: str = "plackett"
    weighted: bool = False
    forward: bool = False
    peers: tuple = ()
    ratios: dict = dataclasses.field(default_factory=dict)
    seconds: dict = dataclasses.field(default_factory=dict)
    megabytes: dict = dataclasses.field(default_factory=dict)

    def arrays(self, lists=None, list_size=None):
        """(labels, scores) as numpy arrays."""
        return self.inputs(lists or self.lists, list_size or self.list_size)


def graded(lists, list_size):
    """Labels 0 to 4, all as frequent."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, (lists, list_size)).astype("float32")
    return labels, rng.standard_normal((lists, list_size), "float32")


def five_relevant(lists, list_size):
    """Labels 1 to 4 for five documents of each list, 0 for the others."""
    rng = np.random.default_rng(2)
    labels = np.zeros((lists, list_size), "float32")
    for row in labels:
        row[rng.choice(list_size, 5, replace=False)] = rng.integers(1, 5, 5)
    return labels, rng.standard_normal((lists, list_size), "float32")


def taught(lists, list_size):
    """A teacher's scores, above 0, for labels."""
    rng = np.random.default_rng(3)
    return rng.random((lists, list_size), "float32") + 0.1, rng.standard_normal((lists, list_size), "float32")


def clicked(lists, list_size):
    """Clicks on a tenth of the documents, and the scores of three models."""
    rng = np.random.default_rng(4)
    labels = (rng.random((lists, list_size), "float32") < 0.1).astype("float32")
    return labels, rng.standard_normal((lists, list_size, 3), "float32")


def paired(lists, list_size):
    """The classes of `list_size` rows, about four rows each, and the similarities of all pairs of rows."""
    rng = np.random.default_rng(5)
    classes = rng.integers(0, max(list_size // 4, 1), list_size).astype("int32")
    return classes, rng.standard_normal((list_size, list_size), "float32")


def goals(jax, tensorflow, torch, peer=TENSORFLOW_RANKING):
    """The ratios to reach against one peer."""
    return {("jax", peer): jax, ("tensorflow", peer): tensorflow, ("torch", peer): torch}


OLD = (TENSORFLOW_RANKING,)
CASES = {
    "unique_softmax": Case(
        "UniqueSoftmaxLoss", graded, 1000, peers=(*OLD, RAX), ratios=goals(30, 8, 12) | {("jax", RAX): 9}
    ),
    "gumbel_approx_ndcg 500": Case("GumbelApproxNDCGLoss", graded, 500, peers=OLD, ratios=goals(5, 4, 3)),
    "gumbel_approx_ndcg": Case(
        "GumbelApproxNDCGLoss",
        graded,
        1000,
        peers=OLD,
        ratios=goals(12, 8, 6),
        megabytes={"jax": 48, "tensorflow": 128, "torch": 128},
    ),
    "gumbel_approx_ndcg, 5 relevant": Case(
        "GumbelApproxNDCGLoss", five_relevant, 1000, peers=OLD, ratios=goals(50, 20, 15)
    ),
    "coupled_rank_distil": Case("CoupledRankDistilLoss", taught, 500, peers=OLD, ratios=goals(14, 5, 6)),
    "mixture_em": Case("MixtureEMLoss", clicked, 200, peers=OLD, ratios=goals(1, 1.5, 1)),
    "npairs": Case("NpairsLoss", paired, 4096, lists=1, peers=(ADDONS,), ratios=goals(1.3, 1.2, 1.5, ADDONS)),
    "pairwise_logistic": Case(
        "PairwiseLogisticLoss", graded, 500, weighted=True, peers=(*OLD, RAX, KERAS_RS), ratios=goals(5, 4, 2)
    ),
    "approx_ndcg 100,000": Case(
        "ApproxNDCGLoss",
        graded,
        100_000,
        lists=1,
        seconds={"jax": 0.3, "tensorflow": 0.5, "torch": 0.5},
        megabytes={"jax": 200},
    ),
}
MACHINE = {
    "copy": Case("copy", paired, 4096, library="numpy"),
    "exp": Case("exp", taught, 1000, library="numpy"),
    "pairwise_logistic, forward": Case("PairwiseLogisticLoss", graded, 500, weighted=True, forward=True),
    "approx_ranks, forward": Case("approx_ranks", graded, 500, forward=True),
}
SIZES = (250, 500, 1000, 2000, 4000, 8000, 16000)
GROWTH = {
    "growth: unique_softmax": Case("UniqueSoftmaxLoss", graded, SIZES[-1], lists=4, peers=OLD),
    "growth: gumbel_approx_ndcg, 1 sample": Case(
        "GumbelApproxNDCGLoss", graded, SIZES[-1], lists=4, options={"sample_size": 1}, peers=OLD
    ),
    "growth: approx_ndcg": Case("ApproxNDCGLoss", graded, SIZES[-1], lists=4, peers=OLD),
    "growth: pairwise_logistic": Case("PairwiseLogisticLoss", graded, SIZES[-1], lists=4, peers=OLD),
    "growth: pairwise_logistic, NDCG weight": Case(
        "PairwiseLogisticLoss", graded, SIZES[-1], lists=4, weighted=True, peers=OLD
    ),
}
ALL = CASES | MACHINE | GROWTH
