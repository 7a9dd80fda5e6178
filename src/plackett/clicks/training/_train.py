"""Trains a ranker from a click log by a method, and returns the model that ranks."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from plackett.clicks import propensities as propensity_estimators
from plackett.clicks.models import MODELS
from plackett.clicks.propensities._clipping import CLIP
from plackett.clicks.propensities._curve import GIVEN, Propensities, as_curve
from plackett.clicks.training._lists import as_counts, check_features, distinct, lists_of_documents, split_log
from plackett.clicks.training._methods import DEFAULT_LOSS, RATE, Method, find_method
from plackett.clicks.training._weights import Weights, propensities_of_log, weigh, weighted_counts
from plackett.data import ClickCounts, RankingLists, Sessions, lists_of_counts, lists_of_sessions
from plackett.data._click_lists import row_of_counts, row_of_session
from plackett.data._click_log_checks import check_gapless
from plackett.evaluation._scoring import check_lists
from plackett.losses._base import RankingLoss
from plackett.scorers import two_tower
from plackett.training import Settings, Trained
from plackett.training import train as train_ranker
from plackett.training._objective import chooses_by_labels
from plackett.training._objects import as_config
from plackett.training._settings import SettingsKeywords

# Clicks are noisy, and so are measures of an epoch by clicks: training waits longer than with labels.
PATIENCE = {"epochs": 100, "patience": 10}
# Options of `two_tower` that scorers of documents do not have.
OF_EXAMINATION = (
    *("positions", "context", "gradient_reversal"),
    *("examination_hidden", "examination_dimension", "examination_dropout"),
)
OF_TOWERS = ("models", "examination_rate", *OF_EXAMINATION)
# No user scrolls this far: a larger number is an id or a time. Towers have one number for each position.
DEEPEST = 1_000_000
BATCH = 128  # sessions in a step, if a list is a session


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a training: the lists of a method, and the settings of `plackett.train`.

    Args:
        method: the name of the method.
        lists: the lists to learn from.
        held_out: the lists that the epoch is chosen on.
        settings: fields of `plackett.training.Settings`.
        weights: the weights of the clicks, if they are divided by propensities.
        record: what `config.yaml` says of the clicks.
    """

    method: str
    lists: RankingLists
    held_out: RankingLists
    settings: dict[str, Any]
    weights: Weights | None
    record: dict[str, Any]

    def remarks(self) -> list[str]:
        """What a reader needs to know about it, in whole sentences."""
        found = [f"{self.method}: {find_method(self.method).text}."]
        if self.weights is not None:
            largest, clipped = 1 / self.weights.clip, self.weights.clipped
            found.append(
                f"a click counts 1 / its propensity, at most {largest:g} (clip {self.weights.clip:g}): "
                f"{clipped:.1%} of the clicks are clipped there."
            )
        return found


def train(
    lists: RankingLists,
    log: Sessions | ClickCounts,
    method: str,
    *,
    validation: RankingLists | None = None,
    propensities: Any = None,
    clip: float | None = None,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    resume: bool = False,
    provenance: dict | None = None,
    callbacks: list | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Trained:
    """Trains a ranker from clicks, and keeps the epoch that held-out clicks choose. It uses no labels.

    >>> import numpy as np
    >>> from plackett.data import ClickCounts, RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, query=np.repeat(range(10), 4), documents=list("abcd") * 10)
    >>> counts = ClickCounts.from_arrays(
    ...     query=np.repeat(range(10), 4), document=list("abcd") * 10, position=[1, 2, 3, 4] * 10, shown=[100] * 40,
    ...     clicked=(50 / (1 + np.exp(-x[:, 0])) / ([1, 2, 3, 4] * 10)).astype(int))
    >>> trained = train(lists, counts, "pbm", epochs=2, scorer_options={"hidden": [4]})
    >>> list(trained.best)
    ['epoch', 'loss', 'validation_loss']

    The methods. `naive`, `ipw` and the models of single positions take counts as well as sessions:

    - `naive`: clicks are taken as relevance. It is the baseline, and right if the order was random.
    - `ipw`: inverse propensity weighting: each click counts 1 / max(propensity, `clip`), for any ranking loss.
    - `click_em`: `ClickEMLoss` with a tower of relevance and one of examination. Its gradient is that of `pbm`.
    - `mixture_em`: `MixtureEMLoss` over towers, with the usual `loss_options` and `scorer_options`. Sessions only.
    - `two_tower`: the logits of relevance and examination are added (Yan et al., SIGIR 2022).
    - a click model, one of `plackett.clicks.MODELS`, such as `pbm` and `dbn`: its attraction comes from the document.

    For `naive` and `ipw` a list is a query with all documents that it showed. The value of a document is the mean of
    its weighted clicks over its impressions, which estimates P(click | seen). A query weighs as much as it had
    sessions. All other methods maximise the likelihood of the clicks, or a bound of it.

    Args:
        lists: the documents of each query, with their features. Labels are not read.
        log: the clicks.
        method: one of the names above.
        validation: the documents of other queries, whose clicks in the log choose the epoch. None = a share
            `validation_share` of the queries of the log, drawn by the seed, is held out.
        propensities: the propensities that `ipw` divides by. None = those of the log. Else a curve of
            `plackett.clicks.propensities`, or numbers above 0, one for each position from 1, which may be above 1 since
            curves are relative to position 1; or the name of one of its estimators, which estimates the curve from the
            log.
        clip: the smallest propensity that divides, so that no click counts more than 1 / `clip`. None = 0.05.
        output, overwrite, resume, provenance, callbacks: as in `plackett.train`.
        settings: fields of `plackett.training.Settings`. `scorer` and `scorer_options` make the model that ranks. For a
            model with towers it is the relevance tower, and options of `two_tower` that this scorer does not have, such
            as `context` and `gradient_reversal`, are given beside its own. `loss` and `loss_options` are for `naive`
            and `ipw`; the other methods have their own loss. `metric` is a loss, since clicks alone choose the epoch:
            measure rankings afterwards, with `plackett.evaluate`. `epochs` is 100 and `patience` 10 by default, since
            clicks are noisy.

    Returns:
        The result of `plackett.train`. The relevance tower alone is the ranker.

    Raises:
        ValueError: an unknown method; a log that the method cannot learn from; an option that has no effect; or as in
            `plackett.train`.
    """
    check_lists("lists", lists)
    plan = make_plan(
        lists, log, method, validation=validation, propensities=propensities, clip=clip, settings=dict(settings)
    )
    share = Settings.from_dict(plan.settings).validation_share
    held_out = {} if validation is not None else {"validation": f"{share:.0%} of the queries"}
    return train_ranker(
        plan.lists,
        plan.held_out,
        output=output,
        overwrite=overwrite,
        resume=resume,
        provenance=(provenance or {}) | {"clicks": plan.record} | held_out,
        callbacks=callbacks,
        **plan.settings,
    )


def make_plan(
    lists: RankingLists,
    log: Sessions | ClickCounts,
    method: str,
    *,
    validation: RankingLists | None,
    propensities: Any,
    clip: float | None,
    settings: dict[str, Any],
) -> Plan:
    """Makes the plan of `train`; see there."""
    how = find_method(method)
    if not how.propensities and (propensities is not None or clip is not None):
        name = "propensities" if clip is None else "clip"
        raise ValueError(f"{name} is an option of the method ipw alone, but the method is {method}: leave it out")
    check_log(log, method)
    settings = settings_of(method, settings, int(log.positions.max(initial=1)))
    whole = Settings.from_dict(settings)
    check_metric(method, whole)
    check_features(lists, log, validation)
    weights, record = None, {"method": method, "log": log.fingerprint()}
    if how.propensities:
        if propensities is not None:
            propensities = _curve_of(propensities, log, lists)
        log = dataclasses.replace(log, propensities=propensities_of_log(log, propensities).astype("float32"))
        weights = weigh(log, CLIP if clip is None else clip)
        words = {"propensities": _words(propensities), "clip": weights.clip, "clipped": round(weights.clipped, 6)}
        record["weights"] = words
    parts = split_log(lists, log, validation, whole.validation_share, whole.seed)
    clip = None if weights is None else weights.clip
    by_context = bool((settings.get("scorer_options") or {}).get("context"))
    if by_context and isinstance(log, ClickCounts):
        raise ValueError("context is known of sessions only, but the log holds counts: give the sessions")
    if by_context and how.unit == "counts":
        how = dataclasses.replace(how, unit="sessions")
    learnt, held_out = (
        _lists_of(how, found, part, clip) for found, part in zip((lists, validation or lists), parts, strict=True)
    )
    if how.unit == "documents" and learnt.lengths.max(initial=0) < 2:
        warnings.warn(
            f"each query of the log showed a single document, so a loss that compares documents, such as softmax, "
            f"learns nothing by {method}: take pbm, or a loss of single documents such as sigmoid_cross_entropy",
            stacklevel=3,
        )
    return Plan(method, learnt, held_out, settings, weights, record)


def settings_of(method: str, given: dict[str, Any], positions: int) -> dict[str, Any]:
    """Returns the settings of `plackett.train` for a method, from the given ones.

    Args:
        method: the name of the method.
        given: fields of `plackett.training.Settings`.
        positions: the last position of the log.

    Raises:
        ValueError: a loss, target, scorer or option that does not belong to the method.
    """
    how = find_method(method)
    settings = {"metric": "validation_loss", "target": "click"} | PATIENCE | given
    if how.unit == "sessions":
        settings = {"batch_size": BATCH} | settings
    if settings["target"] != "click" or settings.get("tasks"):
        raise ValueError(f"the method {method} learns from clicks: leave out target and tasks")
    if how.unit != "documents" and given.get("max_list_size") is not None:
        raise ValueError(
            f"max_list_size cuts what was shown, but the method {method} needs all of it to tell what was not clicked: "
            "leave it out"
        )
    if how.loss is None:
        settings = {"loss": DEFAULT_LOSS} | settings
    else:
        own = how.loss if isinstance(how.loss, str) else how.loss(positions)
        if "loss" in given and not _same(given["loss"], own):
            raise ValueError(f"the method {method} has its own loss: leave out loss, or take naive or ipw for any loss")
        settings["loss"] = own
    if not how.towers and settings.get("scorer") in ("two_tower", two_tower):
        raise ValueError(
            f"the method {method} needs no towers, since positions are not part of its model: leave out the scorer "
            "two_tower, or take another scorer, or a method with towers such as pbm or two_tower"
        )
    check_towers(method, settings.get("scorer_options") or {})
    if how.measure is not None and "metric" not in given:
        settings["metric"] = how.measure()
    return _with_towers(method, how, settings) if how.towers else settings


def check_metric(method: str, settings: Settings) -> None:
    """Checks that clicks choose the epoch, and not the judgements of the lists.

    Raises:
        ValueError: the metric is a metric of rankings.
    """
    if chooses_by_labels(settings):
        metric = getattr(settings.metric, "name", settings.metric)
        raise ValueError(
            f"metric must be validation_loss or a loss of plackett.losses, since clicks alone choose the epoch of "
            f"{method}, but got {metric!r}: leave it out, and measure rankings afterwards, with plackett evaluate"
        )


def check_towers(method: str, options: Mapping[str, Any]) -> None:
    """Checks that no option asks for several rankers, or for an examination of positions, if a method has none.

    Raises:
        ValueError: an option does.
    """
    if method != "mixture_em" and "models" in options:
        raise ValueError(
            "models is an option of the method mixture_em alone, which has several rankers: leave "
            f"models={options['models']} out of the options of the scorer of {method}"
        )
    has_one = find_method(method).towers and (method not in MODELS or bool(MODELS[method]().of_positions))
    if not has_one and (acting := [name for name in OF_EXAMINATION if options.get(name)]):
        raise ValueError(
            f"{', '.join(acting)} has an effect on the examination of positions, which the method {method} does not "
            "have: leave it out, or take a method that has one, such as pbm, two_tower or mixture_em"
        )


def _with_towers(method, how, settings):
    """Returns the settings with the scorer as the relevance tower of two towers."""
    scorer, options = settings.get("scorer"), settings.get("scorer_options") or {}
    if scorer is not None and not isinstance(scorer, str):
        raise ValueError(
            f"the method {method} makes a relevance tower from a scorer that is given by its name, such as 'mlp', but "
            f"got {scorer!r}"
        )
    if scorer == "two_tower":
        return settings | {"scorer_options": {"examination_rate": RATE} | options}
    towers = {"examination_rate": RATE} | {name: options[name] for name in OF_TOWERS if name in options}
    towers |= {"relevance": scorer} if scorer else {}
    of_relevance = {name: value for name, value in options.items() if name not in OF_TOWERS}
    return settings | {"scorer": "two_tower", "scorer_options": towers | {"relevance_options": of_relevance}}


def _same(given, own):
    """Whether a given loss is the method's own, as when settings come from `config.yaml`."""
    if isinstance(own, str) or isinstance(given, str):
        return given == own
    if isinstance(given, RankingLoss):
        return given == own
    return given == as_config(Settings(loss=own))["loss"]


def check_log(log: Sessions | ClickCounts, method: str) -> None:
    """Checks that a method can learn from a log.

    Raises:
        TypeError: `log` is not a log.
        ValueError: it holds counts and the method needs sessions, a position is missing, or a session has several
            clicks and the method allows one.
    """
    how = find_method(method)
    if not isinstance(log, Sessions | ClickCounts):
        raise TypeError(f"log must be Sessions or ClickCounts, but got {type(log).__name__}")
    if how.unit == "sessions" and isinstance(log, ClickCounts):
        why = "clicks of a session depend on each other" if how.gapless else "each session belongs to one of its models"
        raise ValueError(
            f"the method {method} needs sessions, since {why}, but the log holds counts: give the sessions, or take a "
            "method of single positions such as pbm, click_em or ipw"
        )
    if how.towers and (deep := log.positions > DEEPEST).any():
        row = int(deep.argmax())
        words = row_of_session(log) if isinstance(log, Sessions) else row_of_counts
        raise ValueError(
            f"{words(row)}: position is {log.positions[row]}, but {method} has a number for each position, at most "
            f"{DEEPEST:,}: is this column a position?"
        )
    if how.gapless:
        check_gapless(log, f"the method {method}")
    if how.first_click:
        several = np.add.reduceat(log.clicks.astype("int64"), log.row_splits[:-1]) > 1
        if several.any():
            first = log.sessions[int(several.argmax())]
            raise ValueError(
                f"the cascade model allows one click per session at most, but {several.sum():,} of {len(log):,} "
                f"sessions, the first of them {first!r}, have more: take dcm, dbn or another model of several clicks"
            )


def _curve_of(given, log, lists) -> Propensities:
    """Returns the given curve, or the curve that an estimator, given by its name, finds in the log."""
    if not isinstance(given, str) or given not in propensity_estimators.METHODS:
        return as_curve(given)
    estimator = getattr(propensity_estimators, given)
    return estimator(log, lists=lists) if given == "regression_em" else estimator(log)


def _words(propensities: Propensities | None):
    """What `config.yaml` says of the propensities."""
    if propensities is None:
        return "of the log"
    return propensities.examination.tolist() if propensities.method == GIVEN else propensities.method


def _lists_of(how: Method, lists, log, clip):
    """Makes the lists of a part of the log."""
    if how.unit == "sessions":
        log, often = distinct(log)
        found = lists_of_sessions(lists, log)
        weight = np.repeat(often / often.mean(), found.lengths).astype("float32")
        return dataclasses.replace(found, columns=found.columns | {"weight": weight})
    if how.unit == "counts":
        return lists_of_counts(lists, as_counts(log))
    return lists_of_documents(lists, *(as_counts(log), None) if clip is None else weighted_counts(log, clip))
