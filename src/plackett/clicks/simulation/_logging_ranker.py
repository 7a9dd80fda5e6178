"""What a simulated log shows: which queries are asked, and the order of their documents."""

import numpy as np

from plackett.data import RankingLists

RANDOMISE = ("none", "top", "swap")
BLOCK = 2**22  # the number of documents that are ordered together
TINY = np.finfo("float32").tiny


class LoggingRanker:
    """A ranker whose results are logged.

    Args:
        lists: the documents.
        scores: [documents], -inf = never shown.
        positions: the largest number of documents that a session shows.
        temperature: the temperature of the Gumbel noise that is added to the scores. 0 = no noise.
        randomise: none, top or swap, see `plackett.clicks.simulate`.
        weights: [queries], queries are asked in proportion to these. None = all the same.

    Raises:
        ValueError: nothing would be shown.
    """

    def __init__(
        self,
        lists: RankingLists,
        scores: np.ndarray,
        positions: int,
        temperature: float = 0.0,
        randomise: str = "none",
        weights: np.ndarray | None = None,
    ):
        self.lists, self.scores, self.positions = lists, scores, positions
        self.temperature, self.randomise = temperature, randomise
        of_row, shown = np.repeat(np.arange(len(lists)), lists.lengths), scores > -np.inf
        counts = np.bincount(of_row[shown], minlength=len(lists))
        weights = np.where(counts > 0, np.ones(len(lists)) if weights is None else weights, 0.0)
        if not weights.any():
            raise ValueError(
                "the logging ranker shows nothing: no query has both a weight above 0 and a document that it retrieves"
            )
        self.come = np.flatnonzero(weights)  # the queries that are asked at all
        relative = weights[self.come] / weights.max()  # so that no sum of them overflows
        self.cumulative = np.cumsum(relative) / relative.sum()
        self.order = self._fixed_order(of_row)
        if temperature:
            # The best document of a query gets 0, so that float32 holds the differences between those that may be
            # shown.
            best = np.full(len(lists), -np.inf)
            np.maximum.at(best, of_row, scores.astype("float64"))
            with np.errstate(invalid="ignore"):
                above = (scores - best[of_row]) / temperature
            self.logits = np.where(shown, above, -np.inf).astype("float32")

    def _fixed_order(self, of_row):
        """The rows of the best documents, [queries, positions], best first; -1 if there are no more."""
        order = np.lexsort((-self.scores, of_row))
        order = np.where(self.scores[order] > -np.inf, order, -1)
        places = np.arange(self.positions)
        rows = self.lists.row_splits[:-1, None] + places
        inside = places < self.lists.lengths[:, None]
        return np.where(inside, order[np.where(inside, rows, 0)], -1)

    def show(self, sessions: int, random: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
        """Draws some sessions.

        Args:
            sessions: the number of sessions.
            random: three generators: of queries, of orders, and of the randomisation.

        Returns:
            [sessions], the positions of their queries; [sessions, positions], the rows of the documents, -1 = no more.
        """
        of_queries, of_orders, of_swaps = random
        places = np.searchsorted(self.cumulative, of_queries.random(sessions), side="right")
        queries = self.come[np.minimum(places, len(self.come) - 1)]  # the last sum may round to below 1
        rows = self._draw(queries, of_orders) if self.temperature else self.order[queries]
        if self.randomise == "top":
            keys = np.where(rows < 0, np.inf, of_swaps.random(rows.shape))
            rows = np.take_along_axis(rows, np.argsort(keys, axis=1), axis=1)
        elif self.randomise == "swap":
            rows = swap_pairs(rows, of_swaps.random((sessions, 2)))
        return queries, rows

    def _draw(self, queries, random):
        """Draws rows in the order of scores with noise, [sessions, positions]."""
        lengths = self.lists.lengths[queries]
        rows = np.empty((len(queries), self.positions), "int64")
        start = 0
        while start < len(queries):
            # The sessions of a block are padded to its longest list.
            stop = min(start + max(1, BLOCK // max(1, int(lengths[start : start + BLOCK].max()))), len(queries))
            rows[start:stop] = self._draw_block(queries[start:stop], lengths[start:stop], random)
            start = stop
        return rows

    def _draw_block(self, queries, lengths, random):
        places = np.arange(max(int(lengths.max()), self.positions))
        inside = places < lengths[:, None]
        firsts = self.lists.row_splits[:-1][queries]
        flat = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        noise = np.maximum(random.standard_exponential(len(flat), "float32"), TINY)
        keys = np.full(inside.shape, np.inf, "float32")
        keys[inside] = np.log(noise, out=noise) - self.logits[flat]  # minus a Gumbel variable minus the score
        best = np.argpartition(keys, self.positions - 1, axis=1)[:, : self.positions]
        best_keys = np.take_along_axis(keys, best, axis=1)
        order = np.argsort(best_keys, axis=1)
        best, best_keys = np.take_along_axis(best, order, axis=1), np.take_along_axis(best_keys, order, axis=1)
        return np.where(best_keys < np.inf, firsts[:, None] + best, -1)


def swap_pairs(rows: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Swaps the documents of a random pair of positions in each list. All pairs are equally likely.

    >>> swap_pairs(np.array([[4, 5, 6, -1]]), np.array([[0.9, 0.1]])).tolist()
    [[6, 5, 4, -1]]
    >>> swap_pairs(np.array([[4, -1]]), np.array([[0.9, 0.1]])).tolist()
    [[4, -1]]

    Args:
        rows: [sessions, positions], -1 = no more.
        uniform: [sessions, 2], on [0, 1).
    """
    shown = (rows >= 0).sum(axis=1)
    first = (uniform[:, 0] * shown).astype("int64")
    second = (uniform[:, 1] * np.maximum(shown - 1, 1)).astype("int64")
    second += second >= first
    second = np.where(shown > 1, second, first)
    swapped, every = rows.copy(), np.arange(len(rows))
    swapped[every, first], swapped[every, second] = rows[every, second], rows[every, first]
    return swapped
