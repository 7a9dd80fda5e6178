"""Click counts without noise: of each document just the share of impressions is clicked that the model says."""

import numpy as np

from plackett.data import ClickCounts

EXAMINATION = np.array([1.0, 0.5, 0.25, 0.2])
ATTRACTION = np.array([0.8, 0.4, 0.2, 0.04])


def exact_counts(places, *, queries=12, shown=1000, examination=EXAMINATION):
    """Counts of documents 0, 1 ... of each query, document i at the positions places[i]."""
    rows = [
        (f"q{query:02}", f"d{document}", position, ATTRACTION[document] * examination[position - 1])
        for query in range(queries)
        for document, positions in enumerate(places)
        for position in positions
    ]
    query, document, position, chance = zip(*rows, strict=True)
    clicked = np.rint(shown * np.array(chance)).astype(int)
    shown = np.full(len(rows), shown)
    return ClickCounts.from_arrays(query=query, document=document, position=position, shown=shown, clicked=clicked)


EVERYWHERE = exact_counts([[1, 2, 3, 4]] * 4)
CHAIN = exact_counts([[1, 2], [2, 3], [3, 4], [4]])
DETERMINISTIC = exact_counts([[1], [2], [3], [4]])
