"""Two stages: a retriever that finds candidates, and a ranker that orders them."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from plackett.data import RankingLists, concatenate
from plackett.data._columns import narrow
from plackett.evaluation import open_system
from plackett.evaluation.systems.base import check_scores
from plackett.registry import check_options
from plackett.registry.options import Count
from plackett.retrieval._candidates import (
    Candidates,
    Pairs,
    Places,
    Verdicts,
    add_pairs,
    find_candidates,
    grades_missed,
    missed_by,
)
from plackett.retrieval._index import Retrieved
from plackett.retrieval._join import Features, join, names_of_join, split_features
from plackett.retrieval._judged import check_named, check_queries, judgements_of
from plackett.retrieval._retriever import Retriever
from plackett.retrieval._tables import Table
from plackett.training import Trained

DOCUMENTS_AT_A_TIME = 2**17


class Pipeline:
    """Queries to ranked documents in one call: the best of a first stage, in the order of a ranker.

    The ranker learns from what the first stage finds: `training_lists` gives the candidates of queries whose documents
    were judged, among them the hard negatives, as lists for `plackett.train`. A pipeline without a ranker yet keeps the
    order of the first stage:

        first = Pipeline(retriever, documents=films)
        trained = plackett.train(first.training_lists(users, judged), loss="unique_softmax")
        pipeline = Pipeline(retriever, trained, documents=films)
        pipeline.rank(users, k=10)

    Args:
        retriever: the first stage, a `Retriever`.
        ranker: what `plackett.train` returned, or what `plackett.evaluation.open_system` takes, such as its output
            folder, a Keras model, a model of LightGBM, or a function of `RankingLists`. None = there is none.
        documents: the `Table` of the documents of the index, in any order; it may have more.
        candidates: how many documents of each query the ranker orders.
        features: what it is told of a candidate: names of columns, "query.NAME", "document.NAME", "similarity" and
            "rank"; or a function of (queries, documents, similarity, rank), tables and arrays with a row a candidate,
            that gives a dict, name -> column. None = all columns but the ids.
        ids: which features that hold whole numbers are id features; strings are.

    Raises:
        TypeError: `documents` is no `Table`.
        ValueError: a document of the index has no row in `documents`, or an option is out of range.
    """

    def __init__(
        self,
        retriever: Retriever,
        ranker: Any = None,
        *,
        documents: Table,
        candidates: Count = 100,
        features: Features = None,
        ids: Sequence[str] = (),
    ):
        check_options(Pipeline.__init__, candidates=candidates)
        _check_table("documents", documents)
        if isinstance(features, str) or isinstance(ids, str):
            raise ValueError("features and ids must be sequences of names, such as ['similarity'], but got a string")
        if not (features is None or callable(features)) and not 0 < len(set(features)) == len(features):
            raise ValueError(f"features must be one name or more, each there once, but got {list(features)}")
        self.retriever = retriever
        self.ranker = None if ranker is None else open_system(ranker.ranker if isinstance(ranker, Trained) else ranker)
        self.documents = documents
        self.candidates = int(candidates)
        self.features = features
        self.ids = tuple(ids)
        self._places = Places(retriever.index.ids)
        self._rows = documents.rows_of(self._places.ids)

    def rank(self, queries: Table, k: Count = 10, *, exclude: Any = None) -> Retrieved:
        """The best documents of each query by the ranker.

        Args:
            queries: a row each, with ids, and the columns of the query tower and of the features.
            k: how many documents each gets, at most `candidates`.
            exclude: documents that a query is not to get, such as those that a user has seen, as `judged` of
                `plackett.retrieval.evaluate`, whatever their grades. Others take their place. Those that the index
                lacks, and queries that are not here, are nothing to exclude.

        Returns:
            What was found, [queries, k], with the scores of the ranker; of equal ones the first stage's better one is
            first. A document that the ranker gives -inf is not among them.

        Raises:
            TypeError: the queries are no `Table`.
            ValueError: k is out of range, the queries have no ids, a column is missing, or the ranker gives no score
                a document.

        Cost: the search, which asks for at most twice as many documents more as are excluded for a query, and memory
        for the features of 131,072 candidates.
        """
        check_options(Pipeline.rank, k=k)
        k = int(k)
        if k > self.candidates:
            raise ValueError(
                f"k must be at most the {self.candidates} candidates that are ranked, but got {k}: candidates={k}"
            )
        ids, places = np.full((len(queries), k), "", "object"), np.full((len(queries), k), -1)
        scores = np.full((len(queries), k), -np.inf)
        excluded = self._verdicts("exclude", exclude)
        for start, part in self._parts(queries):
            found = self._candidates(part, excluded.of(part.ids))
            given = self._scores(part, found)
            order = np.lexsort((-given, found.query_of))
            rank = np.arange(len(order)) - np.repeat(found.row_splits[:-1], np.diff(found.row_splits))
            top = (rank < k) & (given[order] > -np.inf)
            here, best = (start + found.query_of[top], rank[top]), order[top]
            places[here], scores[here] = found.places[best], given[best]
            ids[here] = np.asarray(self._places.ids[found.places[best]])
        return Retrieved(ids, places, scores, queries.ids)

    def candidate_lists(self, queries: Table, judged: Any = None, *, exclude: Any = None) -> RankingLists:
        """The candidates of each query as lists, in the order of the first stage, whose score is `run_score`.

        They are what the ranker gets, and what systems can be compared on, as by `plackett.evaluate`, where
        "column:run_score" is the first stage. Where there are judgements, a candidate that nobody judged is not
        `judged`, and `missed` are the grades of judged documents that are no candidates, so that metrics count them.

        Args:
            queries: see `rank`.
            judged: see `plackett.retrieval.evaluate`. None = nobody judged anything. Those of queries that are not here
                have no list, so that a mean over the lists is one over the judged queries that are here.
            exclude: see `rank`. A document that is judged too counts as missed.

        Raises:
            ValueError: see `rank`; what was judged has another form; or no query is judged.

        Cost: that of `rank`, and memory for the lists.
        """
        excluded = self._verdicts("exclude", exclude)
        verdicts = None if judged is None else self._judged(queries, judged)
        return _join(
            self._lists(
                part, self._candidates(part, excluded.of(part.ids)), None if verdicts is None else verdicts.of(part.ids)
            )
            for _, part in self._parts(queries)
        )

    def training_lists(
        self,
        queries: Table,
        judged: Any,
        *,
        exclude: Any = None,
        missed: Literal["leave", "add"] = "leave",
        negatives: Count | None = None,
        seed: int | None = 0,
    ) -> RankingLists:
        """Lists to train the ranker on: candidates of the first stage with their grades, all others being negatives.

        These negatives are hard: the first stage took them for good ones. Documents that nobody judged have grade 0,
        though some of them may be relevant. A query without a relevant candidate stays, also one that nobody judged: it
        teaches nothing to a loss of pairs or lists, and that nothing is relevant to one of single documents.

        Take other judgements here than the first stage learnt from, such as later ones, with the earlier ones in
        `exclude`: it has seen its own answers, so that a ranker which learns from them trusts its similarity too much.

        Args:
            queries: see `rank`.
            judged: see `plackett.retrieval.evaluate`.
            exclude: see `rank`. A document that is judged too counts as missed.
            missed: what becomes of relevant documents that are no candidates. "leave": they are no part of the lists,
                as none will be when the pipeline ranks; metrics count them. "add": they are, with the similarity and
                rank that an exact search gives them. Then there is more to learn from where the first stage finds
                little, but every document of a rank beyond the candidates is relevant, from which a ranker learns that
                low similarity is good: leave similarity and rank out of its features.
            negatives: how many documents without relevance are drawn from the candidates of each query. None = all.
            seed: of the draw.

        Raises:
            ValueError: see `candidate_lists`; no candidate is relevant; or an option is out of range.

        Cost: that of `rank`, and memory for the lists; with missed="add" an exact search of the queries that get a
        document, which compares each such document with all.
        """
        check_options(Pipeline.training_lists, missed=missed, negatives=negatives, seed=seed)
        random = np.random.default_rng(seed)
        excluded, verdicts = self._verdicts("exclude", exclude), self._judged(queries, judged)
        lists = _join(
            self._training_part(part, verdicts.of(part.ids), excluded.of(part.ids), missed, negatives, random)
            for _, part in self._parts(queries)
        )
        if not (lists.labels > 0).any():
            raise ValueError(
                "no candidate of these queries is relevant, so there is nothing to learn: are the ids of judged those "
                'of the tables? missed="add" takes in relevant documents that were not found'
            )
        # A document that is not `judged` has no part in a loss, as negatives must.
        return dataclasses.replace(lists, columns={x: y for x, y in lists.columns.items() if x != "judged"})

    def _training_part(self, queries, judged, excluded, missed, negatives, random):
        found = self._candidates(queries, excluded)
        if missed == "add":
            wanted = missed_by(found, judged, len(self._places)) & (judged.grades > 0)
            wanted &= excluded.find(judged.keys) < 0
            found = add_pairs(found, judged.keys[wanted], self.retriever, queries, excluded)
        if negatives is not None:
            found = found.take(_drawn(found, judged, len(self._places), negatives, random))
        return self._lists(queries, found, judged)

    def _parts(self, queries) -> Iterator[tuple[int, Table]]:
        """(first row, queries) of parts whose candidates fit into memory."""
        _check_table("queries", queries)
        rows = max(1, DOCUMENTS_AT_A_TIME // self.candidates)
        for start in range(0, max(len(queries), 1), rows):
            yield start, queries.take(slice(start, start + rows))

    def _verdicts(self, what, given):
        """Of `exclude` whatever the grades are, of `judged` those that are verdicts."""
        if given is None:
            return Verdicts(None, self._places)
        lists = judgements_of(given, what)
        check_named(what, lists, self._places.ids.tolist())
        return Verdicts(lists, self._places, every=what == "exclude")

    def _judged(self, queries, judged):
        """The verdicts; a ValueError where they are of other queries or other documents."""
        _check_table("queries", queries)
        verdicts = self._verdicts("judged", judged)
        lists = verdicts.judgements
        if lists is None:
            raise ValueError("judged must be given, since lists to train on have grades")
        check_queries("the table", queries.ids, lists)
        return verdicts

    def _candidates(self, queries, excluded) -> Candidates:
        return find_candidates(self.retriever, queries, self.candidates, excluded)

    def _lists(self, queries, found: Candidates, judged: Pairs | None) -> RankingLists:
        """The lists of candidates; of judged=None nobody judged any."""
        every = names_of_join(queries, self.documents)
        documents = self.documents.take(self._rows[found.places])
        columns = join(queries.take(found.query_of), documents, found.similarity, found.rank, self.features, every)
        features, names, ids = split_features(columns, self.ids)
        number = len(self._places)
        labels = known = np.zeros(len(found.places), "float32")
        missed = None
        if judged is not None:
            place = judged.find(found.query_of * number + found.places)
            known = (place >= 0).astype("float32")
            labels = np.where(place >= 0, np.append(judged.grades, 0)[place], 0).astype("float32")
            missed = grades_missed(judged, missed_by(found, judged, number), number, len(queries))
        return RankingLists(
            labels=labels,
            row_splits=found.row_splits,
            queries=queries.ids,
            documents=self._places.ids[found.places],
            features=features,
            feature_names=names,
            ids=ids,
            columns={"judged": known, "run_score": found.similarity.astype("float64")},
            missed=missed,
        )

    def _scores(self, queries, found):
        """[candidates] float64, by which they are ranked."""
        if self.ranker is None:
            return found.similarity.astype("float64")
        lists = self._lists(queries, found, None)
        scored = check_scores("ranker", lists, self.ranker(lists))
        if scored.beyond is not None:
            raise ValueError("the ranker must score the candidates alone, but has documents beyond them")
        return scored.scores.astype("float64")


def _check_table(name, given):
    if not isinstance(given, Table):
        raise TypeError(f"{name} must be a Table, as Table.of and Table.read give it, but is a {type(given).__name__}")


def _join(parts) -> RankingLists:
    """The lists of parts; whole numbers of id features are int32 where that holds them."""
    lists = concatenate(list(parts))
    return dataclasses.replace(lists, ids={name: narrow(column) for name, column in lists.ids.items()})


def _drawn(found, judged, documents, negatives, random):
    """The rows of candidates that are relevant, and of others that are drawn from each query."""
    place = judged.find(found.query_of * documents + found.places)
    relevant = np.append(judged.grades, 0)[place] > 0  # -1 is nobody's
    order = np.lexsort((random.random(len(relevant)), relevant, found.query_of))
    begins = found.row_splits[:-1][found.query_of[order]]
    drawn = np.arange(len(order)) - begins < negatives
    return np.sort(order[drawn | relevant[order]])
