"""Click logs in memory."""

from plackett.data import Sessions


def test_the_same_document_at_the_same_position_is_counted_once():
    log = Sessions.from_arrays(
        query=["q"] * 4, session=[1, 1, 2, 2], document=["a", "b", "a", "c"], position=[1, 2, 1, 2], click=[0, 1, 1, 0]
    )
    counts = log.counts()
    assert counts.documents.tolist() == ["a", "b", "c"]
    assert counts.shown.tolist() == [2, 1, 1]
    assert counts.clicked.tolist() == [1, 1, 0]
