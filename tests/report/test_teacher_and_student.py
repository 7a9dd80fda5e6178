"""The section of a report on teachers and students."""

import math

import numpy as np
import pytest
import yaml
from conftest import made_lists
from pages import HOSTILE, first_feature, last_feature, text_of

from plackett.data import RankingLists
from plackett.distillation._report import find_students, likeness, section_of

RECORD = {"standardize": True, "temperature": 2.0, "label_weight": 0.25}


def write_run(folder, rankers, **section):
    """A folder that holds what a run says of its teacher."""
    folder.mkdir()
    task = {"loss": "coupled_rank_distil", "loss_options": {"topk": 3}}
    config = {"loss": "softmax", "tasks": {"teacher": task}, "teacher": RECORD | {"rankers": rankers} | section}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def test_systems_of_one_order_are_alike_and_of_the_other_order_are_not():
    lists = RankingLists.from_arrays(np.zeros((34, 1)), np.zeros(34), group=[12, 2, 20])
    scores = np.arange(34.0)
    same, other = likeness(lists, scores, np.exp(scores / 9)), likeness(lists, scores, -scores)
    assert (same.tau, same.queries, same.shared, same.longer) == (1, 3, 1, 2)
    # Of 12 documents the first ten from either end have 8 in common, of 20 none.
    assert (other.tau, other.shared) == (-1, 0.4)


def test_lists_that_a_system_does_not_order_are_left_out():
    lists = RankingLists.from_arrays(np.zeros((5, 1)), np.zeros(5), group=[3, 2])
    found = likeness(lists, np.array([1.0, 2.0, 3.0, 7.0, 7.0]), np.array([1.0, 3.0, 2.0, 1.0, 2.0]))
    assert (found.tau, found.queries, found.longer) == (pytest.approx(1 / 3), 1, 0)
    assert math.isnan(found.shared)


def test_a_teacher_is_found_among_the_systems_by_its_file_or_its_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.txt").write_text("tree\n")
    rankers = [{"name": "model", "path": str(tmp_path / "model.txt")}, {"name": "column:bm25"}, {"name": "none"}]
    write_run(tmp_path / "run", rankers)
    systems = {"trees": "model.txt", "student": "run", "bm25": "column:bm25", "chance": "random:1"}
    [(name, student)] = find_students(systems)
    assert (name, student.teachers, student.loss) == ("student", ["trees", "bm25"], "coupled_rank_distil (topk=3)")
    assert section_of({"trees": "model.txt", "chance": "random:1"}) is None


def test_the_page_tells_what_was_learnt_how_alike_they_are_and_how_fast(tmp_path):
    write_run(tmp_path / "run", [{"name": HOSTILE, "path": str(tmp_path / "trees")}], extra_lists=["more.txt"])
    (tmp_path / "trees").write_text("tree\n")
    own = section_of({"student": tmp_path / "run", HOSTILE: tmp_path / "trees", "chance": "random:1"})
    systems = {"student": first_feature, HOSTILE: first_feature, "chance": last_feature}
    page = text_of(tmp_path, made_lists(20, seed=0), systems, own_sections=[own])
    assert page.index('id="metrics"') < page.index('id="teacher-and-student"') < page.index('id="ndcg-by-cut-off"')
    section = page.partition('id="teacher-and-student"')[2].partition("</section>")[0]
    for words in ("coupled_rank_distil (topk=3)", "standardised in each list", "0.25", "more.txt", "1.0000"):
        assert words in section
    assert "times as many documents a second as" in section
    assert HOSTILE not in section
    assert 'id="teacher-and-student"' not in text_of(tmp_path, made_lists(20, seed=0), systems)
