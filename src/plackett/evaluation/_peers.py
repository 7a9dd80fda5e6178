"""How other libraries measure: their metrics under their conventions.

Each entry is tested against the library itself, LETOR against its formula; docs/evaluation.md has the table.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from plackett import gains
from plackett.data import RankingLists
from plackett.metrics import RankingMetric, get
from plackett.registry import check_known

LARGEST = np.finfo("float64").max


@dataclasses.dataclass(frozen=True)
class Peer:
    """The conventions of another library.

    Args:
        metrics: our names of the metrics that it has, with "@k" for those with a cut-off, and their options.
        convention: the options that its metrics share. The options of a metric take precedence.
        scores: the type in which it ranks scores. None = their own type.
        queries: the queries that the mean is over. "answered": those for which a system retrieved something and that
            have judgements; "run": all lists.
        whole_labels: whether its labels must be whole numbers.
        highest_label: the highest label that it accepts, by the name of a metric without its cut-off.
        shortest: the length of the shortest list that it accepts.
    """

    metrics: Mapping[str, Mapping[str, Any]]
    convention: Mapping[str, Any]
    scores: Literal["float32", "float64"] | None = "float64"
    queries: Literal["answered", "run"] = "run"
    whole_labels: bool = False
    highest_label: Mapping[str, int] = dataclasses.field(default_factory=dict)
    shortest: int = 1

    def has(self, name: str) -> bool:
        """Whether it has the metric of this name."""
        base, at, _ = name.partition("@")
        return base + "@k" * bool(at) in self.metrics


LINEAR = {"gain": gains.identity}
BY_TOPN = {"divide_by": "topn"}
LETOR = {"discount": gains.letor_discount, "short": 0}
OF_TF_RANKING = ("alpha_dcg", "dcg", "hits", "map", "mrr", "ndcg", "precision", "precision_ia", "recall")
PEERS = {
    "trec_eval": Peer(
        {"ndcg": LINEAR, "ndcg@k": LINEAR, "precision@k": BY_TOPN}
        | {name: {} for name in ("bpref", "hits@k", "map", "map@k", "mrr", "precision", "recall", "recall@k")},
        {"ties": "trec", "empty": 0},
        scores="float32",
        queries="answered",
        whole_labels=True,
    ),
    "letor": Peer(
        {"map": {}, "ndcg@k": LETOR, "precision@k": BY_TOPN}, {"ties": "position", "empty": 0}, whole_labels=True
    ),
    "lightgbm": Peer(
        {"map@k": BY_TOPN, "ndcg@k": {}},
        {"ties": "position", "empty": 1},
        whole_labels=True,
        highest_label={"ndcg": 30},
    ),
    "xgboost": Peer(
        {"map": {}, "map@k": BY_TOPN, "ndcg": {}, "ndcg@k": {}, "precision": {"empty": 0}, "precision@k": {"empty": 0}},
        {"ties": "position", "empty": 1},
        scores="float32",
        whole_labels=True,
        highest_label={"map": 1, "ndcg": 31, "precision": 1},
    ),
    "tf-ranking": Peer(
        {name + at: {} for name in OF_TF_RANKING for at in ("", "@k")} | {"arp": {}, "opa": {"ties": "incorrect"}},
        {"ties": "expected"},
        scores="float32",
    ),
    "sklearn": Peer(
        dict.fromkeys(("dcg", "dcg@k", "ndcg", "ndcg@k"), LINEAR),
        {"ties": "expected", "empty": 0},
        scores=None,
        shortest=2,
    ),
}


def metrics_like(peer: str, names: Sequence[str]) -> list[RankingMetric]:
    """Returns the metrics of these names as another library defines them.

    >>> from plackett.evaluation._conventions import state
    >>> for metric in metrics_like("letor", ["ndcg@10", "map"]):
    ...     print(state(metric))
    ndcg@10[exp2, discount=letor_discount, short=0, empty=0, ties=position]
    map[empty=0, ties=position]
    >>> metrics_like("sklearn", ["mrr"])
    Traceback (most recent call last):
        ...
    ValueError: sklearn has no mrr; it has dcg, dcg@k, ndcg, ndcg@k

    Args:
        peer: the name of the library, one of `PEERS`.
        names: the names of metrics as in plackett, such as "ndcg@10".

    Raises:
        ValueError: an unknown peer, a metric that it lacks, or a metric object, which has a convention of its own.
    """
    like = peer_named(peer)
    metrics = []
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"like={peer!r} sets the convention of each metric: give its name, but got {name!r}")
        if not like.has(name):
            raise ValueError(f"{peer} has no {name}; it has {', '.join(sorted(like.metrics))}")
        base, at, _ = name.partition("@")
        metrics.append(get(name, **{**like.convention, **like.metrics[base + "@k" * bool(at)]}))
    return metrics


def peer_named(name: str) -> Peer:
    """Returns the conventions of the library of this name.

    Raises:
        ValueError: an unknown name.
    """
    check_known("peer", name, PEERS)
    return PEERS[name]


def scores_like(peer: str, scores: np.ndarray) -> np.ndarray:
    """Returns the scores as another library ranks them: scores that are equal in its number type are tied.

    >>> scores_like("xgboost", np.array([1e9 + 1, 1e9])).tolist()
    [1000000000.0, 1000000000.0]

    Args:
        peer: the name of the library, one of `PEERS`.
        scores: [documents], of any type of numbers. -inf = not retrieved; it stays -inf.

    Returns:
        [documents], float64, rounded to float32 if the library ranks float32. For scikit-learn, the scores are returned
        unchanged. A finite score that overflows float32 is tied with all others that do, and stays finite.
    """
    kind = peer_named(peer).scores
    if kind != "float32":
        return scores if kind is None else np.asarray(scores).astype("float64")
    with np.errstate(over="ignore"):
        rounded = np.asarray(scores).astype("float32").astype("float64")
    return np.where(np.isfinite(scores), np.clip(rounded, -LARGEST, LARGEST), rounded)


def check_like(peer: str, lists: RankingLists, names: Sequence[str]) -> None:
    """Raises a ValueError for lists that another library refuses to measure.

    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3]], [1, 0, 2], group=[2, 1])
    >>> check_like("xgboost", lists, ["ndcg@3", "map@3"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: xgboost measures map only for labels from 0 to 1, but a label of query '2' is 2: ...

    Args:
        peer: the name of the library, one of `PEERS`.
        lists: the lists to measure.
        names: the names of metrics that the library has.

    Raises:
        ValueError: labels are not whole numbers or too high, or a list is too short; the message names the query.
    """
    like, labels = peer_named(peer), lists.labels
    if like.whole_labels and (wrong := labels != np.round(labels)).any():
        raise _of_label(f"{peer} takes only whole numbers as labels", lists, wrong)
    for base in dict.fromkeys(name.partition("@")[0] for name in names):
        highest = like.highest_label.get(base)
        if highest is not None and (wrong := (labels < 0) | (labels > highest)).any():
            raise _of_label(f"{peer} measures {base} only for labels from 0 to {highest}", lists, wrong)
    short = (lists.lengths > 0) & (lists.lengths < like.shortest)
    if short.any():
        query = lists.queries[int(np.argmax(short))]
        raise ValueError(
            f"{peer} measures only lists of at least {like.shortest} documents, but query {str(query)!r} has "
            f"{lists.lengths[np.argmax(short)]}, one of {short.sum()} such queries: leave them out first"
        )


def _of_label(what, lists, wrong):
    document = int(np.argmax(wrong))
    query = lists.queries[int(np.searchsorted(lists.row_splits, document, side="right")) - 1]
    return ValueError(
        f"{what}, but a label of query {str(query)!r} is {lists.labels[document]:g}: "
        "measure without like, or change the labels first"
    )
