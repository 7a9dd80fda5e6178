"""Reports to look at in tests."""

import dataclasses
import pathlib
import re

import numpy as np
from conftest import made_lists

from plackett.data import RankingLists
from plackett.evaluation import evaluate
from plackett.evaluation.report import report

HOSTILE = "<script>alert(1)</script>"
BREAKS_OUT = '</script><img src=x onerror="alert(2)">'
METRICS = ["ndcg@10", "mrr"]


def lists_with_texts(queries: int = 40) -> RankingLists:
    """Lists whose queries have ids and texts that try to break out of the page."""
    lists = made_lists(queries, seed=3)
    ids = [HOSTILE, BREAKS_OUT, *(f"q{place}" for place in range(2, queries))]
    kinds = [HOSTILE, BREAKS_OUT, "a & b", "plain"]
    return dataclasses.replace(
        lists, queries=ids, query_columns={"kind": [kinds[place % 4] for place in range(queries)]}
    )


def first_feature(lists: RankingLists) -> np.ndarray:
    """A good system: the first feature sets the grade."""
    return lists.features[:, 0]


def last_feature(lists: RankingLists) -> np.ndarray:
    """A system that knows nothing of grades."""
    return lists.features[:, -1]


SYSTEMS = {"chance": last_feature, HOSTILE: first_feature}
HISTORIES = {HOSTILE: [{"epoch": epoch, "loss": 1 / epoch, "ndcg@10": epoch / 10} for epoch in range(1, 6)]}


def write(folder: pathlib.Path, lists=None, systems=None, metrics=METRICS, like=None, **options) -> pathlib.Path:
    """A report in a folder."""
    lists, systems = lists or lists_with_texts(), systems or SYSTEMS
    results = evaluate(systems, lists, metrics, like=like)
    return report(folder / "report.html", systems, lists, results, metrics=metrics, like=like, **options)


def text_of(*arguments, **options) -> str:
    """Its HTML without the scripts that are the same for all."""
    page = write(*arguments, **options).read_text(encoding="utf-8")
    return re.sub("<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
