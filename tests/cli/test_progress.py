"""Progress bars."""

import io

from conftest import made_lists
from rich.console import Console

from plackett import metrics
from plackett.cli._progress import EpochBar, count_of_lists


def test_the_bar_of_a_resumed_run_knows_the_best_epoch():
    bar = EpochBar(Console(file=io.StringIO(), width=120), "run", "ndcg@10", metrics.get("ndcg@10").improves)
    bar.begin(3, [{"epoch": 1, "loss": 1.0, "ndcg@10": 0.75}, {"epoch": 2, "loss": 0.5, "ndcg@10": 0.5}])
    bar.close()
    assert bar.best == (1, 0.75)
    assert "2/3 loss 0.5 ndcg@10 0.5000 best 0.7500" in " ".join(bar.bar.console.file.getvalue().split())


def test_the_count_of_lists():
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    parts = [made_lists(20, seed=0), made_lists(30, seed=1)]
    with count_of_lists(console) as count:
        for lists in parts:
            count(lists)
    documents = sum(len(lists.labels) for lists in parts)
    assert f"50 queries, {documents} documents" in console.file.getvalue()
