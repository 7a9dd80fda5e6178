"""A ranker with the interface of scikit-learn."""

import copy
import dataclasses
import inspect
import types
from collections.abc import Callable
from typing import Any, ClassVar, Unpack

import keras
import numpy as np
import numpy.typing as npt

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("plackett.Ranker needs scikit-learn: pip install 'plackett[sklearn]'") from error

from plackett import backend
from plackett.data import RankingLists, Strings
from plackett.data._ids import read_ids
from plackett.evaluation import evaluate, score
from plackett.registry import check_known
from plackett.scorers._neighbours import looks_at_neighbours
from plackett.training._loop import train
from plackett.training._objective import make_metric
from plackett.training._settings import Settings, SettingsKeywords
from plackett.training._validation_loss import ValidationLoss

NEITHER = (
    "give query, the id of each row's query, or group, the number of rows of each query: neither was given. In a "
    "search, a cross-validation or a pipeline of scikit-learn, query is passed on only after "
    "sklearn.set_config(enable_metadata_routing=True) and "
    "ranker.set_fit_request(query=True).set_score_request(query=True)"
)
BLOCK = 64  # documents that are scored together when no score depends on another document
NUMBERS = {"dtype": "float32", "ensure_all_finite": "allow-nan"}

# The default of each parameter; None stands for an empty dict, which scikit-learn does not accept.
DEFAULTS = {
    field.name: None if field.default is dataclasses.MISSING else field.default
    for field in dataclasses.fields(Settings)
}


def _with_parameters(constructor: Callable) -> Callable:
    """Gives the constructor a keyword for each setting in its signature, where scikit-learn reads them."""
    keywords = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[field.name], annotation=field.type
        )
        for field in dataclasses.fields(Settings)
    ]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    constructor.__signature__ = inspect.Signature([first, *keywords])  # type: ignore[attr-defined]
    return constructor


class Ranker(BaseEstimator):
    """A ranker with the interface of scikit-learn and LightGBM. It is trained by `train`.

    >>> import numpy as np
    >>> from plackett import Ranker
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> y, group = (X[:, 0] > 0.5).astype(int), [10] * 20
    >>> ranker = Ranker(loss="softmax", epochs=3, learning_rate=0.03).fit(X, y, group=group)
    >>> ranker.predict(X).shape
    (200,)
    >>> 0.5 < ranker.score(X, y, group=group) <= 1
    True

    There are two ways to say which rows belong together. `group` holds the sizes of queries whose rows follow each
    other, as in LightGBM. `query` holds the id of each row's query, and the rows of a query need not stand together. In
    a search take `query`: scikit-learn can cut it along with the rows, which it cannot do with sizes. It has to be told
    to do so:

    >>> import sklearn
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> query = np.repeat(np.arange(20), 10)
    >>> with sklearn.config_context(enable_metadata_routing=True):  # or sklearn.set_config(...), once
    ...     ranker = Ranker(epochs=1).set_fit_request(query=True).set_score_request(query=True)
    ...     search = GridSearchCV(ranker, {"loss": ["softmax", "approx_ndcg"]}, cv=GroupKFold(2))
    ...     search = search.fit(X, y, groups=query, query=query)
    >>> list(search.best_params_)
    ['loss']

    Each fit holds out a share `validation_share` of the queries, and chooses the best epoch on them.

    All features are dense numbers. NaN is a missing value, which `scorer_options={"missing": True}` allows. For id
    features, several tasks and runs that survive being killed, use `plackett.train`.

    Args:
        settings: fields of `plackett.training.Settings`. A Keras model given as `scorer` is copied with its weights at
            each fit, and so is an optimizer. A function that makes the model is more convenient, since searches copy
            all parameters.

    Attributes:
        model_: the scorer with the weights of its best epoch.
        history_: one dict an epoch; see `plackett.Trained`.
        best_: the entry of the best epoch; for an ensemble, its metric and the entries of its members.
        n_features_in_: the number of features.
        feature_names_in_: the names of the features, if X was a data frame.
    """

    # A pipeline passes on sample_weight=None, so this must be a known parameter.
    __metadata_request__score: ClassVar[dict] = {"sample_weight": None}

    @_with_parameters
    def __init__(self, **settings: Unpack[SettingsKeywords]) -> None:
        for name in settings:
            check_known("setting", name, DEFAULTS)
        for name, default in DEFAULTS.items():
            setattr(self, name, settings.get(name, default))

    def fit(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        *,
        group: npt.ArrayLike | None = None,
        query: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> "Ranker":
        """Trains the ranker on these documents.

        Args:
            X: [documents, features].
            y: [documents], grades >= 0.
            group: [queries], the number of rows of each query.
            query: [documents], the id of each row's query. Give either `group` or `query`.
            sample_weight: [documents], the weight of each document in the loss. None = 1.

        Returns:
            The ranker itself.

        Raises:
            ValueError: the arrays do not fit together, or a parameter is wrong; see `plackett.train`.
        """
        features, labels = validate_data(self, X, y, y_numeric=True, **NUMBERS)
        lists, _ = self._lists(features, labels, group, query, _weights(sample_weight, len(features)))
        trained = train(lists, **self._settings())
        self.model_, self.history_, self.best_ = trained.model, trained.history, trained.best
        self._is_listwise = looks_at_neighbours(self.model_, lists)
        return self

    def predict(
        self,
        X: npt.ArrayLike,  # noqa: N803
        *,
        group: npt.ArrayLike | None = None,
        query: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Scores documents. In a query, a higher score ranks first.

        Args:
            X: [documents, features].
            group: [queries], the number of rows of each query.
            query: [documents], the id of each row's query. Without `group` and `query` each document is scored by
                itself, which makes no difference for most scorers.

        Returns:
            [documents], the scores.

        Raises:
            ValueError: neither is given, and the scorer looks at the whole list.
        """
        check_is_fitted(self)
        features = validate_data(self, X, reset=False, **NUMBERS)
        if group is None and query is None:
            if self._is_listwise:
                raise ValueError("this scorer looks at the whole list of a document: give group or query")
            group = np.diff([*range(0, len(features), BLOCK), len(features)])
        lists, order = self._lists(features, None, group, query)
        scores = np.empty(len(features), "float32")
        scores[order] = score(self.model_, lists)
        return scores

    def score(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        *,
        group: npt.ArrayLike | None = None,
        query: npt.ArrayLike | None = None,
    ) -> float:
        """Returns the mean of the metric over queries; its negative if lower is better, as scikit-learn expects.

        Args:
            X: [documents, features].
            y: [documents], grades >= 0.
            group: [queries], the number of rows of each query.
            query: [documents], the id of each row's query. Give either `group` or `query`.

        Raises:
            ValueError: the arrays do not fit together.
        """
        check_is_fitted(self)
        features, labels = validate_data(self, X, y, reset=False, y_numeric=True, **NUMBERS)
        lists, _ = self._lists(features, labels, group, query)
        measured = {name: getattr(self, name) for name in ("metric", "loss", "loss_options", "seed")}
        metric = make_metric(Settings(**{name: x for name, x in measured.items() if x is not None}))
        if isinstance(metric, ValidationLoss):
            if self.ensemble > 1:
                raise ValueError(
                    "an ensemble standardises scores within each list, so that no loss of them can be measured, but "
                    f"metric is {self.metric!r}: give a metric of rankings, such as 'ndcg@10'"
                )
            return -metric(self.model_, lists)
        value = evaluate(self.model_, lists, [metric])[metric.name]
        return -value if metric.less_is_better else value

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn what to expect."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = bool((self.scorer_options or {}).get("missing"))
        return tags

    def _lists(self, X, y, group, query, columns=types.MappingProxyType({})):  # noqa: N803
        """Returns (the lists, the row of X of each of their documents)."""
        if group is None and query is None:
            raise ValueError(NEITHER)
        order = np.arange(len(X))
        if query is not None and group is None:
            query = read_ids("query", query, len(X))
            keys = query.codes if isinstance(query, Strings) else query
            _, first, place = np.unique(keys, return_index=True, return_inverse=True)
            order = np.argsort(first[place], kind="stable")
            query = query[order]
        lists = RankingLists.from_arrays(
            X[order],
            None if y is None else np.asarray(y)[order],
            query=query,
            group=group,
            feature_names=getattr(self, "feature_names_in_", None),
            columns={name: column[order] for name, column in columns.items()},
        )
        return lists, order

    def _settings(self):
        """The keywords of `train`, with copies of objects that training changes."""
        given = {name: getattr(self, name) for name in DEFAULTS}
        given = {name: value for name, value in given.items() if value is not None}
        with backend.keep_generators():
            if isinstance(self.scorer, keras.Model):
                given["scorer"] = copy.deepcopy(self.scorer)
            if isinstance(self.optimizer, keras.optimizers.Optimizer):
                given["optimizer"] = type(self.optimizer).from_config(self.optimizer.get_config())
        return given


def _weights(sample_weight, documents):
    """Returns the weights of documents as columns of lists."""
    if sample_weight is None:
        return {}
    weights = np.asarray(sample_weight)
    if weights.shape != (documents,):
        raise ValueError(f"sample_weight must have {documents} entries, but has the shape {weights.shape}")
    if not weights.any():
        raise ValueError("sample_weight must not be zero for all documents")
    return {"weight": weights}
