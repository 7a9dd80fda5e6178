"""What the sections of a report are made of."""

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
    """What the sections of a report are made of; a function under `section` gets one, see there.

    Args:
        systems: name -> function of lists that returns the scores of their documents.
        lists: what was ranked.
        results: what the systems measure on it, query by query.
        comparison: how the systems differ.
        metrics: those of `results`, in their order, under their conventions.
        like: whose convention they are, see `plackett.evaluation.evaluate`.
        queries: which queries count, likewise.
        histories: system -> one dict an epoch, of those that were trained.
        commands: the lines that make the report anew.
        sources: what the lists were read from.
        remarks: what must be known besides the notes of the results, in whole sentences.
        title: of the page.
        seed: of what is drawn.
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
        """The systems, in the order of the results."""
        return self.results.systems

    @property
    def baseline(self) -> str:
        """The system with which the others are compared; where all are compared with all, the first."""
        return self.comparison.baseline if self.comparison.baseline in self.names else self.names[0]

    @property
    def others(self) -> list[str]:
        """The systems but the baseline."""
        return [name for name in self.names if name != self.baseline]

    @property
    def place(self) -> int:
        """The place of the metric that sections go by which show one: the first of the comparison."""
        return self.results.stated.index(self.stated)

    @property
    def stated(self) -> str:
        """That metric with its convention."""
        return self.comparison.metrics[0]

    @property
    def metric(self) -> str:
        """Its plain name."""
        return self.results.metrics[self.place]

    @property
    def less_is_better(self) -> bool:
        """Whether a lower value of it is better."""
        return self.results.less_is_better[self.place]

    @functools.cached_property
    def scored(self) -> dict[str, Scored]:
        """The scores of each system."""
        return {name: self.score(name, self.lists) for name in self.names}

    def score(self, name: str, lists: RankingLists) -> Scored:
        """The scores of one system on some lists."""
        return check_scores(name, lists, self.systems[name](lists))

    def as_ranked(self, scores: np.ndarray) -> np.ndarray:
        """Scores as they are ranked: in the precision of `like`."""
        return scores if self.like is None else scores_like(self.like, scores)

    def measure(
        self, scored: Mapping[str, Scored], lists: RankingLists, metrics: Sequence[RankingMetric]
    ) -> np.ndarray:
        """[systems, metrics], the means of some metrics of scores of these lists."""
        systems = {name: functools.partial(_given, of_system) for name, of_system in scored.items()}
        named = [metric.name for metric in metrics] if self.like else metrics
        return evaluate(systems, lists, named, like=self.like, queries=self.queries).means()

    @functools.cached_property
    def places(self) -> np.ndarray:
        """[queries of the results], the place of each query in the lists; -1 where they lack it."""
        queries, known = self.results.queries, self.lists.queries
        if len(queries) == len(known) and bool((queries == known).all()):
            return np.arange(len(known))
        of_query = {query: place for place, query in enumerate(known.tolist())}
        return np.array([of_query.get(query, -1) for query in queries.tolist()], "int64")

    @functools.cached_property
    def query_columns(self) -> dict[str, list]:
        """What is known of each query besides its size and its relevant documents."""
        columns = {name: column for name, column in self.results.facts.items() if name not in FACTS}
        return {name: column.tolist() for name, column in columns.items()}


def _given(scored, lists):
    return scored


class Against(NamedTuple):
    """How tables name the systems of pairs: where all have one baseline, the caption names it.

    Args:
        words: the end of the caption.
        heads: the headings of the columns.
    """

    words: str
    heads: tuple[str, ...]

    def cells(self, pair: Pair) -> tuple[str, ...]:
        """The cells under the headings."""
        return (pair.system, pair.baseline)[: len(self.heads)]


def against(pairs: Sequence[Pair]) -> Against:
    """How tables name the systems of these pairs."""
    baselines = {pair.baseline for pair in pairs}
    return (
        Against(f" than {isolate(baselines.pop())}", ("system",))
        if len(baselines) == 1
        else Against("", ("system", "against"))
    )


def at_cut_off(metric: RankingMetric, topn: int) -> RankingMetric:
    """The same metric with another cut-off."""
    return type(metric).from_config(metric.get_config() | {"topn": topn, "name": None})


def metrics_of(
    results: Results, metrics: Sequence[str | RankingMetric] | None, like: str | None = None
) -> list[RankingMetric]:
    """The metrics of results as objects.

    Raises:
        ValueError: they are others than those of the results, or have other conventions.
    """
    if like is not None:
        found = metrics_like(like, list(metrics or results.metrics))
    else:
        found = [get(metric) if isinstance(metric, str) else metric for metric in metrics or results.metrics]
    stated = tuple(map(state, found))
    if stated != results.stated:
        raise ValueError(
            f"metrics must be those of the results, {', '.join(results.stated)}, but are {', '.join(stated)}; hand the "
            "metrics that the results were measured by: metrics=[...]"
        )
    return found
