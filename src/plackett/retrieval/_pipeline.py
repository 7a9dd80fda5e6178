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
    """From queries to ranked documents in one call: the candidates of a first stage, ordered by a ranker.

    The ranker learns from what the first stage finds. For queries with judged documents, `training_lists` returns their
    candidates, hard negatives among them, as lists for `plackett.train`. A pipeline without a ranker keeps the order of
    the first stage:

        first = Pipeline(retriever, documents=films)
        trained = plackett.train(first.training_lists(users, judged), loss="unique_softmax")
        pipeline = Pipeline(retriever, trained, documents=films)
        pipeline.rank(users, k=10)

    Args:
        retriever: the first stage, a `Retriever`.
        ranker: the result of `plackett.train`, or anything that `plackett.evaluation.open_system` takes, such as its
            output folder, a Keras model, a LightGBM model, or a function of `RankingLists`. None = there is none.
        documents: the `Table` of the documents of the index, in any order. It may have more.
        candidates: the number of documents of each query that the ranker orders.
        features: the features of a candidate: names of columns, "query.NAME", "document.NAME", "similarity" and "rank";
            or a function of (queries, documents, similarity, rank), tables and arrays with one row a candidate, that
            returns a dict, name -> column. None = all columns except the ids.
        ids: the features with whole numbers that are id features. Strings always are.

    Raises:
        TypeError: `documents` is not a `Table`.
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
            raise ValueError(f"features must be at least one name, each once, but got {list(features)}")
        self.retriever = retriever
        self.ranker = None if ranker is None else open_system(ranker.ranker if isinstance(ranker, Trained) else ranker)
        self.documents = documents
        self.candidates = int(candidates)
        self.features = features
        self.ids = tuple(ids)
        self._places = Places(retriever.index.ids)
        self._rows = documents.rows_of(self._places.ids)

    def rank(self, queries: Table, k: Count = 10, *, exclude: Any = None) -> Retrieved:
        """Returns the best documents of each query by the ranker.

        Args:
            queries: one row per query, with ids, and the columns of the query tower and of the features.
            k: the number of documents for each query, at most `candidates`.
            exclude: documents that a query must not get, such as those that a user has seen, in the form of `judged` of
                `plackett.retrieval.evaluate`. Their grades do not matter. Other documents take their place. Documents
                that the index lacks, and queries that are not given, are ignored.

        Returns:
            The documents, [queries, k], with the scores of the ranker. Among equal scores the better one of the first
            stage comes first. A document to which the ranker gives -inf is left out.

        Raises:
            TypeError: `queries` is not a `Table`.
            ValueError: k is out of range, the queries have no ids, a column is missing, or the ranker does not give one
                score a document.

        Cost: the search, which asks for at most twice as many more documents as are excluded for a query, and memory
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
        """Returns the candidates of each query as lists, in the order of the first stage, with its score as
        `run_score`.

        These are the lists that the ranker gets, and that systems can be compared on, for example by
        `plackett.evaluate`, where "column:run_score" is the first stage. With judgements, a candidate that nobody
        judged is not `judged`, and `missed` has the grades of judged documents that are not candidates, so that metrics
        count them.

        Args:
            queries: see `rank`.
            judged: see `plackett.retrieval.evaluate`. None = nobody judged anything. Judged queries that are not given
                have no list, so a mean over the lists is over the judged queries that are given.
            exclude: see `rank`. A document that is both excluded and judged counts as missed.

        Raises:
            ValueError: as in `rank`; `judged` has another form; or no query is judged.

        Cost: as for `rank`, and memory for the lists.
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
        """Returns lists to train the ranker on: candidates of the first stage with their grades; all others are
        negatives.

        These negatives are hard, since the first stage ranked them high. Documents that nobody judged have grade 0,
        although some of them may be relevant. A query without a relevant candidate is kept, even if nobody judged it: a
        loss of pairs or lists learns nothing from it, and a loss of single documents learns that nothing is relevant to
        it.

        Take other judgements here than the first stage learnt from, such as later ones, with the earlier ones in
        `exclude`. The first stage has seen its own training answers, so a ranker that learns from them trusts its
        similarity too much.

        Args:
            queries: see `rank`.
            judged: see `plackett.retrieval.evaluate`.
            exclude: see `rank`. A document that is both excluded and judged counts as missed.
            missed: what to do with relevant documents that are not candidates. "leave": they are not in the lists, as
                they will not be when the pipeline ranks; metrics count them. "add": they are in the lists, with the
                similarity and rank of an exact search. There is then more to learn from if the first stage finds
                little. But every document with a rank beyond the candidates is relevant, so a ranker would learn that
                low similarity is good: leave similarity and rank out of its features.
            negatives: the number of documents without relevance that are drawn from the candidates of each query. None
                = all.
            seed: the seed of the draw.

        Raises:
            ValueError: as in `candidate_lists`; no candidate is relevant; or an option is out of range.

        Cost: as for `rank`, and memory for the lists; with missed="add" also an exact search for the queries that get a
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
                "no candidate of these queries is relevant, so there is nothing to learn: check that the ids of "
                "judged are those "
                'of the tables; missed="add" takes in relevant documents that were not found'
            )
        # A document that is not `judged` would not count in a loss, but negatives must.
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
        """Yields (first row, queries) of parts whose candidates fit into memory."""
        _check_table("queries", queries)
        rows = max(1, DOCUMENTS_AT_A_TIME // self.candidates)
        for start in range(0, max(len(queries), 1), rows):
            yield start, queries.take(slice(start, start + rows))

    def _verdicts(self, what, given):
        """Reads `exclude` with all its grades, or `judged` with those that are judgements."""
        if given is None:
            return Verdicts(None, self._places)
        lists = judgements_of(given, what)
        check_named(what, lists, self._places.ids.tolist())
        return Verdicts(lists, self._places, every=what == "exclude")

    def _judged(self, queries, judged):
        """Returns the judgements; a ValueError if they are of other queries or other documents."""
        _check_table("queries", queries)
        verdicts = self._verdicts("judged", judged)
        lists = verdicts.judgements
        if lists is None:
            raise ValueError("judged must be given, since training lists need grades, but is None")
        check_queries("the table", queries.ids, lists)
        return verdicts

    def _candidates(self, queries, excluded) -> Candidates:
        return find_candidates(self.retriever, queries, self.candidates, excluded)

    def _lists(self, queries, found: Candidates, judged: Pairs | None) -> RankingLists:
        """Makes the lists of candidates. judged=None: nobody judged any."""
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
        """The scores that candidates are ranked by, [candidates] float64."""
        if self.ranker is None:
            return found.similarity.astype("float64")
        lists = self._lists(queries, found, None)
        scored = check_scores("ranker", lists, self.ranker(lists))
        if scored.beyond is not None:
            raise ValueError("the ranker must score only the candidates, but retrieves documents beyond them")
        return scored.scores.astype("float64")


def _check_table(name, given):
    if not isinstance(given, Table):
        raise TypeError(f"{name} must be a Table, as from Table.of and Table.read, but is a {type(given).__name__}")


def _join(parts) -> RankingLists:
    """Joins the lists of parts. Whole numbers of id features become int32 if they fit."""
    lists = concatenate(list(parts))
    return dataclasses.replace(lists, ids={name: narrow(column) for name, column in lists.ids.items()})


def _drawn(found, judged, documents, negatives, random):
    """The rows of relevant candidates, and of others that are drawn from each query."""
    place = judged.find(found.query_of * documents + found.places)
    relevant = np.append(judged.grades, 0)[place] > 0  # place -1 takes the appended 0
    order = np.lexsort((random.random(len(relevant)), relevant, found.query_of))
    begins = found.row_splits[:-1][found.query_of[order]]
    drawn = np.arange(len(order)) - begins < negatives
    return np.sort(order[drawn | relevant[order]])
