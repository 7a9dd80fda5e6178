"""The pictures of docs/losses.md show what the page says, and are those that the script makes."""

import pathlib
import runpy

import keras
import numpy as np
import pytest

import plackett

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="the script takes gradients by PyTorch")

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "losses.md").read_text()
# Made by benchmarks/losses.py, benchmarks/ratios.py and docs/make_report_picture.py.
OF_OTHERS = {"growth.png", "ratios.svg", "report.png"}


@pytest.fixture(scope="module")
def script():
    """The names of docs/make_pictures.py."""
    return runpy.run_path(str(DOCS / "make_pictures.py"))


def test_softmax_lowers_the_best_document_and_unique_softmax_raises_it(script):
    scores = script["SCORES"]
    assert script["of_softmax"](scores)[0] < 0 < script["of_unique_softmax"](scores)[0]
    assert (script["of_unique_softmax"](scores)[script["GRADES"] == 2] > 0).all()
    assert (script["of_unique_softmax"](scores)[script["GRADES"] == 0] < 0).all()


def test_softmax_leaves_grades_2_and_1_log_2_apart(script):
    grades = script["GRADES"]
    last = script["descend"](script["of_softmax"], script["SCORES"])[-1]
    assert abs(last[grades == 2].mean() - last[grades == 1].mean() - np.log(2)) < 0.1
    last = script["descend"](script["of_unique_softmax"], script["SCORES"])[-1]
    assert last[grades == 2].min() - last[grades == 1].max() > 3


def test_samples_push_where_approx_ndcg_hardly_does(script):
    flat, sampled = script["of_approx_ndcg"](script["SCORES"]), script["of_gumbel"](script["SCORES"])
    assert np.abs(sampled).sum() > 5 * np.abs(flat).sum()
    assert flat[-1] == 0 < sampled[-1]


def test_the_slope_falls_all_along(script):
    smooth, sampled = script["slopes"]()
    assert (np.diff(sampled) <= 0).all()
    between = np.abs(script["AT"] - 0.5) < 0.16  # two of the others, which stand at 0 and 1
    assert np.ptp(sampled[between]) > 2 * np.ptp(smooth[between])


@pytest.mark.parametrize("clicks, model", [("TOP_READER", 0), ("BROWSER", 1)])
def test_one_model_takes_most_of_a_session(script, clicks, model):
    clicks = np.array(script[clicks])
    pushed, shares = script["of_mixture"](clicks, script["TWO_MODELS"])
    assert shares[model] > 0.9
    assert np.abs(pushed[:, model]).sum() > 5 * np.abs(pushed[:, 1 - model]).sum()
    assert ((pushed > 0) == (clicks == 1)[:, None]).all()


def test_top_two_push_the_teachers_first_document_most(script):
    teacher, student = script["TEACHER"], script["STUDENT"]
    whole, top = (script["of_distillation"](teacher, student, topk) for topk in (None, 2))
    first, third = teacher.argmax(), np.argsort(-teacher)[2]
    for pushed in (whole, top):
        assert abs(pushed.sum()) < 0.01
        assert pushed[student.argmax()] < 0 < pushed[first] == pushed.max()
    assert top[first] > 0.8 * whole[first]
    assert top[third] < 0.2 * whole[third]


def test_n_pairs_raises_rows_of_one_class_alone(script):
    classes = script["CLASSES"]
    pushed = script["of_npairs"](classes, script["SIMILARITIES"])
    assert ((pushed > 0) == (classes[:, None] == classes)).all()


def test_the_pictures_are_those_of_the_script(script, tmp_path):
    script["main"](tmp_path)
    assert {made.name for made in tmp_path.iterdir()} | OF_OTHERS == {x.name for x in (DOCS / "pictures").iterdir()}
    for made in tmp_path.iterdir():
        kept = (DOCS / "pictures" / made.name).read_text()
        assert len(kept) < 60_000
        assert f"(pictures/{made.name})" in PAGE
        if f"Matplotlib v{matplotlib.__version__}," in kept:  # another version may draw another path
            assert made.read_text() == kept


def test_the_page_names_every_loss_and_lambda_weight():
    names = [name for name in plackett.losses.__all__ if name.endswith(("Loss", "Weight", "WeightV2"))]
    assert [name for name in names if f"`{name}`" not in PAGE and name != "RankingLoss"] == []
