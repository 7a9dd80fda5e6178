"""What the forms of search engines cannot say is refused in words, and no file is left."""

import lightgbm
import numpy as np
import pytest
import xgboost
from conftest import made_lists
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from small_ltr_models import LISTS, NAMES, TREES, boosted, xgboosted

import plackett
from plackett.export import write_ltr_model
from plackett.scorers import SCORERS

RANDOM = np.random.default_rng(0)
KINDS = np.column_stack([RANDOM.integers(0, 6, 400), RANDOM.normal(size=400)]).astype("float32")
WORTH = np.isin(KINDS[:, 0], [1, 4]) + 0.1 * KINDS[:, 1]


def refuse(model, words, tmp_path, form="solr", **options):
    """That the model is refused with these words."""
    path = tmp_path / "model.json"
    with pytest.raises(ValueError, match=words):
        write_ltr_model(model, path, form=form, name="shop", **{"features": NAMES} | options)
    assert not path.exists()


def test_splits_by_categories(tmp_path):
    data = lightgbm.Dataset(KINDS, label=WORTH, categorical_feature=[0], feature_name=["kind", "size"])
    model = lightgbm.train(
        TREES | {"objective": "regression", "min_data_per_group": 1, "max_cat_to_onehot": 1}, data, 5
    )
    refuse(model, "splits the categorical feature kind by sets of its values", tmp_path, features=None)
    options = {"feature_types": ["c", "q"], "enable_categorical": True, "feature_names": ["kind", "size"]}
    model = xgboost.train({"max_cat_to_onehot": 1}, xgboost.DMatrix(KINDS, label=WORTH, **options), 5)
    refuse(model, "splits the categorical feature kind by sets of its values", tmp_path, features=None)


def test_models_whose_scores_are_no_sum_of_constants(tmp_path):
    refuse(boosted("multiclass", num_class=3), "objective multiclass", tmp_path)
    refuse(boosted("cross_entropy_lambda", boost_from_average=False, lists=_of_two_labels()), "not the sum", tmp_path)
    refuse(boosted("regression", reg_sqrt=True), "not the sum of its trees .objective regression sqrt", tmp_path)
    refuse(boosted("regression", linear_tree=True), "without linear_tree", tmp_path)
    refuse(xgboosted("multi:softprob", num_class=3), "several scores per document", tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_boosters_without_trees(tmp_path):
    refuse(xgboosted("reg:squarederror", booster="gblinear"), "booster gblinear, which has no trees", tmp_path)


def _of_two_labels():
    lists = made_lists(60, seed=0)
    lists.labels[:] = lists.labels > 0
    return lists


def test_zeros_that_count_as_missing_and_go_to_the_other_side(tmp_path):
    sparse = made_lists(60, seed=0)
    sparse.features[:] = np.where(RANDOM.random(sparse.features.shape) < 0.5, 0, np.abs(sparse.features) + 1)
    sparse.labels[:] = sparse.features[:, 0] == 0
    sparse.labels[sparse.features[:, 0] > 2] = 1
    model = boosted("regression", lists=sparse, zero_as_missing=True)
    refuse(model, "without zero_as_missing", tmp_path, missing="zero")


def test_thresholds_that_solr_rounds_away_and_elasticsearch_does_not(tmp_path):
    tiny = made_lists(60, seed=0)
    tiny.features[:] *= np.float32(1e-8)
    model = xgboosted("reg:squarederror", lists=tiny)
    refuse(model, "Solr adds 1e-6 to each threshold.*multiply the feature", tmp_path, missing="zero")
    write_ltr_model(model, tmp_path / "m.json", form="elasticsearch", name="shop", features=NAMES, missing="zero")


@pytest.mark.parametrize(
    "scorer, options, words",
    [
        ("mlp", {}, "the transform bins, which this model has: train an mlp with transform None"),
        ("mlp", {"transform": "log1p"}, "the transform log1p"),
        ("mlp", {"transform": "quantile"}, "the transform quantile"),
        ("mlp", {"transform": None, "normalization": "layer"}, "layer normalization"),
        ("mlp", {"transform": None, "missing": True}, "features that may be missing"),
        ("mlp", {"transform": None, "models": 2}, "this model gives a document several"),
        ("mlp", {"transform": None, "tasks": ["a", "b"]}, "this model has several outputs"),
        ("self_attention", {"transform": None}, "search engines do not know"),
        ("dcn", {"transform": None}, "search engines do not know"),
        ("additive", {"transform": None}, "search engines do not know"),
    ],
)
def test_networks(scorer, options, words, tmp_path):
    refuse(SCORERS[scorer](LISTS, **options), words, tmp_path)


def test_networks_of_more_than_features(tmp_path):
    films = {"film": np.arange(len(LISTS.labels)) % 7}
    lists = plackett.data.RankingLists.from_arrays(LISTS.features, LISTS.labels, group=LISTS.lengths, ids=films)
    refuse(plackett.scorers.embeddings(lists), r"this model takes \['features', 'film', 'mask'\]", tmp_path)


def test_networks_in_elasticsearch(tmp_path):
    model = plackett.scorers.mlp(LISTS, transform=None)
    refuse(model, "does not support networks: train an mlp with hidden=.., or trees", tmp_path, form="elasticsearch")


def test_models_that_are_not_linear(tmp_path):
    x, y = LISTS.features, LISTS.labels
    refuse(RandomForestRegressor(3, random_state=0).fit(x, y), "it has no coef_", tmp_path)
    refuse(Ridge(), "is not a fitted linear model", tmp_path)
    refuse(PoissonRegressor().fit(x, y), "is not a linear function of its features", tmp_path)
    refuse(LogisticRegression().fit(x, y), "predicts 3 classes", tmp_path)
    refuse(Ridge().fit(x, 0 * y), "the same score", tmp_path)
    refuse(lambda lists: lists.labels, "do not support a function: give a model of LightGBM or XGBoost", tmp_path)


def test_files_of_other_kinds(tmp_path):
    (tmp_path / "scores.csv").write_text("query,document,score\n1,2,3\n")
    refuse(tmp_path / "scores.csv", "do not support csv files", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.txt"):
        write_ltr_model(tmp_path / "none.txt", tmp_path / "model.json", form="solr", name="shop")


def test_names_of_features(tmp_path):
    model = boosted("lambdarank")
    refuse(model, "this model knows its 5 by number: give their names", tmp_path, features=None)
    refuse(model, "this model has 5 features, but got 4 names", tmp_path, features=NAMES[:4])
    refuse(model, "features must be a list of different names", tmp_path, features=["a", "a", "b", "c", "d"])


def test_options(tmp_path):
    model = Ridge().fit(LISTS.features, LISTS.labels)
    refuse(model, "leave out lift", tmp_path, lift=True)
    refuse(model, "leave out missing", tmp_path, missing="model")
    refuse(model, r"form must be one of \('elasticsearch', 'solr'\)", tmp_path, form="vespa")
    with pytest.raises(ValueError, match="name must be the name of the model in the engine"):
        write_ltr_model(model, tmp_path / "model.json", form="solr", name="", features=NAMES)


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "model.json").write_text("mine")
    model = Ridge().fit(LISTS.features, LISTS.labels)
    with pytest.raises(FileExistsError, match=r"replace it .overwrite, --overwrite"):
        write_ltr_model(model, tmp_path / "model.json", form="solr", name="shop", features=NAMES)
    assert (tmp_path / "model.json").read_text() == "mine"


def test_ensembles(tmp_path):
    models = [plackett.scorers.mlp(LISTS, hidden=(4,), transform=None) for _ in range(2)]
    refuse(plackett.scorers.ensemble(models), "an ensemble, which standardises scores within", tmp_path)
