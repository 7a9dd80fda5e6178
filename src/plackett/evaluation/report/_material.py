"""The material that the sections of a report are made of."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from plackett.data import RankingLists
from plackett.evaluation._comparison import Comparison, Pair
from plackett.evaluation._conventions import state
from plackett.evaluation._evaluate import evaluate
from plackett.evaluation._peers import metrics_like, scores_like
from plackett.evaluation._results import FACTS, Results
from plackett.evaluation._scored import Scored, System
from plackett.evaluation.report._html import isolate
from plackett.evaluation.systems.base import check_scores
from plackett.metrics import get
from plackett.metrics._base import RankingMetric

TITLE = "How the systems rank"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Material:
    """The material that the sections of a report are made of. A function under `section` receives it; see there.

    Args:
        systems: name -> function of lists that returns the scores of their documents.
        lists: the lists that were ranked.
        results: the metrics of the systems, query by query.
        comparison: how the systems differ.
        metrics: the metrics of `results`, in their order, with their conventions.
        like: the library whose convention they have, see `plackett.evaluation.evaluate`.
        queries: which queries count, see `plackett.evaluation.evaluate`.
        histories: system -> one dict an epoch, for systems that were trained.
        commands: the commands that reproduce the report.
        sources: what the lists were read from.
        remarks: facts that a reader needs beside the notes of the results, in whole sentences.
        title: the title of the page.
        seed: the seed of all draws.
    """

    systems: Mapping[str, System]
    lists: RankingLists
    results: Results
    comparison: Comparison
    metrics: Sequence[RankingMetric]
    like: str | None = None
    queries: str | None = None
    histories: Mapping[str, Sequence[Mapping[str, float]]] = dataclasses.field(default_factory=dict)
    commands: Sequence[str] = ()
    sources: Sequence[str] = ()
    remarks: Sequence[str] = ()
    title: str = TITLE
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the systems, in the order of the results."""
        return self.results.systems

    @property
    def baseline(self) -> str:
        """The system that the others are compared with. If all are compared with all, the first."""
        return self.comparison.baseline if self.comparison.baseline in self.names else self.names[0]

    @property
    def others(self) -> list[str]:
        """The systems other than the baseline."""
        return [name for name in self.names if name != self.baseline]

    @property
    def place(self) -> int:
        """The position of the metric of sections that show a single one: the first of the comparison."""
        return self.results.stated.index(self.stated)

    @property
    def stated(self) -> str:
        """That metric with its convention."""
        return self.comparison.metrics[0]

    @property
    def metric(self) -> str:
        """The plain name of that metric."""
        return self.results.metrics[self.place]

    @property
    def less_is_better(self) -> bool:
        """Whether a lower value of that metric is better."""
        return self.results.less_is_better[self.place]

    @functools.cached_property
    def scored(self) -> dict[str, Scored]:
        """The scores of each system."""
        return {name: self.score(name, self.lists) for name in self.names}

    def score(self, name: str, lists: RankingLists) -> Scored:
        """The scores of one system on some lists."""
        return check_scores(name, lists, self.systems[name](lists))

    def as_ranked(self, scores: np.ndarray) -> np.ndarray:
        """Returns the scores as they are ranked: in the precision of `like`."""
        return scores if self.like is None else scores_like(self.like, scores)

    def measure(
        self, scored: Mapping[str, Scored], lists: RankingLists, metrics: Sequence[RankingMetric]
    ) -> np.ndarray:
        """Returns the means of some metrics for scores of these lists, [systems, metrics]."""
        systems = {name: functools.partial(_given, of_system) for name, of_system in scored.items()}
        named = [metric.name for metric in metrics] if self.like else metrics
        return evaluate(systems, lists, named, like=self.like, queries=self.queries).means()

    @functools.cached_property
    def places(self) -> np.ndarray:
        """The position of each query of the results in the lists; -1 if they lack it."""
        queries, known = self.results.queries, self.lists.queries
        if len(queries) == len(known) and bool((queries == known).all()):
            return np.arange(len(known))
        of_query = {query: place for place, query in enumerate(known.tolist())}
        return np.array([of_query.get(query, -1) for query in queries.tolist()], "int64")

    @functools.cached_property
    def query_columns(self) -> dict[str, list]:
        """The facts of each query beside its size and its number of relevant documents."""
        columns = {name: column for name, column in self.results.facts.items() if name not in FACTS}
        return {name: column.tolist() for name, column in columns.items()}


def _given(scored, lists):
    return scored


class Against(NamedTuple):
    """How tables name the systems of pairs. If all have one baseline, the caption names it.

    Args:
        words: the end of the caption.
        heads: the headings of the columns.
    """

    words: str
    heads: tuple[str, ...]

    def cells(self, pair: Pair) -> tuple[str, ...]:
        """Returns the cells under the headings."""
        return (pair.system, pair.baseline)[: len(self.heads)]


def against(pairs: Sequence[Pair]) -> Against:
    """Returns how tables name the systems of these pairs."""
    baselines = {pair.baseline for pair in pairs}
    return (
        Against(f" than {isolate(baselines.pop())}", ("system",))
        if len(baselines) == 1
        else Against("", ("system", "against"))
    )


def at_cut_off(metric: RankingMetric, topn: int) -> RankingMetric:
    """Returns the same metric with another cut-off."""
    return type(metric).from_config(metric.get_config() | {"topn": topn, "name": None})


def metrics_of(
    results: Results, metrics: Sequence[str | RankingMetric] | None, like: str | None = None
) -> list[RankingMetric]:
    """Returns the metrics of the results as objects.

    Raises:
        ValueError: the metrics are not those of the results, or have other conventions.
    """
    if like is not None:
        found = metrics_like(like, list(metrics or results.metrics))
    else:
        found = [get(metric) if isinstance(metric, str) else metric for metric in metrics or results.metrics]
    stated = tuple(map(state, found))
    if stated != results.stated:
        raise ValueError(
            f"metrics must be those of the results, {', '.join(results.stated)}, but are {', '.join(stated)}: give the "
            "metrics that the results were measured by, metrics=[...]"
        )
    return found
