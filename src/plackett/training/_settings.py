"""The settings of a training run, as `config.yaml` holds them. Nothing here needs Keras."""

import contextlib
import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from plackett._types import Tensor
from plackett.registry import check_known
from plackett.registry.docs import argument_texts
from plackett.registry.options import (
    Count,
    CountFrom0,
    NotNegative,
    Number,
    Positive,
    Probability,
    Rule,
    Share,
    ShareBelow1,
    number,
    rule_of,
)

VALIDATION_LOSS = "validation_loss"  # the name of the loss itself as a `metric`
SCORERS = (
    "additive",
    "dcn",
    "embeddings",
    "mlp",
    "self_attention",
    "table",
    "two_tower",
)  # the keys of `plackett.scorers.SCORERS`
OF_OPTIMIZERS = ("learning_rate", "learning_rate_schedule", "weight_decay", "global_clipnorm")

Seed = Annotated[int, number(f"a whole number from 0 to {2**32 - 1}", lambda x: 0 <= x < 2**32, whole=True)]


@typing.runtime_checkable
class Metric(typing.Protocol):
    """The interface of a metric of plackett."""

    def update_state(self, y_true: Tensor, y_pred: Tensor) -> None: ...
    def result(self) -> Tensor: ...


@typing.runtime_checkable
class Loss(typing.Protocol):
    """The interface of a loss of plackett."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor: ...
    def ranking_scores(self, scores: Tensor) -> Tensor: ...


@typing.runtime_checkable
class Optimizer(typing.Protocol):
    """The interface of an optimizer of Keras."""

    def apply_gradients(self, grads_and_vars: Any) -> None: ...


WORDS = {
    str: "a name",
    dict: "a dict",
    Callable: "an object",
    Metric: "a metric",
    Optimizer: "an optimizer",
    types.NoneType: "None",
}
# The options of each schedule, by its name.
COSINE = {
    "initial_learning_rate": NotNegative,
    "decay_steps": Count,
    "alpha": Share,
    "warmup_target": Positive,
    "warmup_steps": CountFrom0,
    "name": str,
}
EXPONENTIAL = {
    "initial_learning_rate": Positive,
    "decay_steps": Count,
    "decay_rate": Positive,
    "staircase": bool,
    "name": str,
}
OPTIONS_OF_SCHEDULES: dict[str, dict[str, Any]] = {
    "cosine": COSINE,
    "warmup_cosine": COSINE,
    "exponential": EXPONENTIAL,
}
TASK = {"target": str, "loss": str | dict | Callable, "loss_options": dict, "weight": Number}


class SettingsKeywords(typing.TypedDict, total=False):
    """The fields of `Settings`, as keywords of `train` and `tune`.

    >>> settings: SettingsKeywords = {"loss": "softmax", "epochs": 3}
    >>> Settings(**settings).epochs
    3
    """

    loss: str | dict | Callable
    loss_options: dict
    target: str
    tasks: dict | None
    shared_head: bool
    metric: str | dict | Metric | Loss
    scorer: str | dict | Callable | None
    scorer_options: dict
    validation_share: Probability
    epochs: Count | None
    patience: Count | None
    batch_size: Count | None
    max_list_size: Count | None
    optimizer: str | dict | Optimizer
    learning_rate: Positive
    learning_rate_schedule: str | dict | Callable | None
    weight_decay: NotNegative | None
    global_clipnorm: Positive | None
    weight_average: ShareBelow1
    mixed_precision: bool
    checkpoint_steps: Count | None
    checkpoint_minutes: Positive
    keep_checkpoints: Count
    check_weights: CountFrom0
    seed: Seed
    ensemble: Count


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a ranker is trained.

    >>> Settings(loss="softmax", epochs=3).metric
    'ndcg@10'

    A setting that takes a name also takes an object, or the config of an object as `config.yaml` holds it.

    Args:
        loss: the name of the loss; or a loss of Keras or plackett, or a function, see `train`.
        loss_options: the arguments of a loss that is given by its name.
        target: what the loss learns from: "label", or any column of the lists, such as "click" or "teacher". A list
            that nobody judged, as the column `judged` says, does not count in a loss of "label".
        tasks: name -> {target, loss, loss_options, weight}: one head of the scorer for each task, on a shared body. The
            losses are added up by their weights, 1 by default. A task takes what it leaves out from the run. The metric
            is that of the first task. None = one head.
        shared_head: the tasks share one head, so that their losses are of the same scores, for example a loss of
            judgements and a loss of a teacher. The ranker is a scorer with one output.
        metric: the name of the metric that chooses the best epoch, such as "ndcg@10"; or a metric of plackett. Or
            "validation_loss", the mean loss of the validation lists, which needs no labels but clicks; or a loss of
            plackett in its place.
        scorer: one of `plackett.scorers.SCORERS`, or a function like them, or a Keras model, see `train`. None =
            "embeddings" if there are id features, else "mlp".
        scorer_options: the arguments of a scorer that is a name or a function. The scorer gives a document as many
            scores as the loss needs, unless they say otherwise.
        validation_share: the share of the queries, drawn by the seed, that is held out if no validation lists are
            given.
        epochs: the largest number of passes over the training lists. None = chosen by the number of training lists, so
            that small data have enough steps; see the page on training for the numbers.
        patience: training stops after this many epochs without a better metric. None = chosen by the number of training
            lists.
        batch_size: the number of lists in a step, or all lists if there are fewer. None = chosen by the number of
            training lists.
        max_list_size: longer training lists are cut to this many documents, see `data.Batches`. None = they are not
            cut.
        optimizer: any optimizer of Keras, by its lower-case name; or an optimizer object, which has its own learning
            rate, decay and clipping.
        learning_rate: the learning rate of the optimizer, or the rate that its schedule starts from or leads up to.
        learning_rate_schedule: None, "cosine", "warmup_cosine" or "exponential", or {name: options}; or a schedule
            object of Keras, which has its own learning rate.
        weight_decay: the weight decay of the optimizer. None = the optimizer's own default.
        global_clipnorm: a gradient whose norm over all weights is larger is scaled down to this norm. None = no
            clipping.
        weight_average: the share of an average of the weights that each step keeps. Epochs are measured with this
            average, and the model gets it. The first steps keep less: (1 + t) / (10 + t) at step t from 0. 0 = no
            average. It costs the memory of the weights once more.
        mixed_precision: layers compute in bfloat16; weights and scores are float32.
        checkpoint_steps: a checkpoint is written each time this many steps are done. None = by time alone.
        checkpoint_minutes: a checkpoint is written when the last one is this old.
        keep_checkpoints: the number of last checkpoints that are kept while the run lasts.
        check_weights: all weights are checked to be finite each time this many steps are done, and at the end of an
            epoch. The loss is checked after each step. 0 = never; weights are always checked before a checkpoint is
            written.
        seed: the seed of the initial weights, the order of lists, dropout and the noise of the loss.
        ensemble: the number of runs that are trained and averaged, with seeds that count up from `seed`. Training and
            scoring cost this many times as much.

    Raises:
        ValueError: a value has another type or is out of range, a scorer or a part of a task is unknown, or options are
            given beside an object that has its own.
    """

    loss: str | dict | Callable = "unique_softmax"
    loss_options: dict = dataclasses.field(default_factory=dict)
    target: str = "label"
    tasks: dict | None = None
    shared_head: bool = False
    metric: str | dict | Metric | Loss = "ndcg@10"
    scorer: str | dict | Callable | None = None
    scorer_options: dict = dataclasses.field(default_factory=dict)
    validation_share: Probability = 0.2
    epochs: Count | None = None
    patience: Count | None = None
    batch_size: Count | None = None
    max_list_size: Count | None = None
    optimizer: str | dict | Optimizer = "adam"
    learning_rate: Positive = 1e-3
    learning_rate_schedule: str | dict | Callable | None = None
    weight_decay: NotNegative | None = None
    global_clipnorm: Positive | None = None
    weight_average: ShareBelow1 = 0.999
    mixed_precision: bool = False
    checkpoint_steps: Count | None = None
    checkpoint_minutes: Positive = 10.0
    keep_checkpoints: Count = 2
    check_weights: CountFrom0 = 100
    seed: Seed = 0
    ensemble: Count = 1

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, check_value(field.name, getattr(self, field.name), field.type))
        if isinstance(self.scorer, str):
            check_known("scorer", self.scorer, SCORERS)
        if self.tasks is not None:
            object.__setattr__(self, "tasks", {name: self._task(name, given) for name, given in self.tasks.items()})
            if not self.tasks:
                raise ValueError("tasks must name at least one task, or be None, but got {}")
        elif self.shared_head:
            raise ValueError(
                "shared_head=True (--shared-head) needs tasks, but there are none: give tasks, in a file for --config"
            )
        _check_alone("loss", self.loss, {"loss_options": self.loss_options})
        if not isinstance(self.optimizer, str):
            _check_alone("optimizer", self.optimizer, {name: self._if_changed(name) for name in OF_OPTIMIZERS})
        object.__setattr__(self, "learning_rate_schedule", _check_schedule(self.learning_rate_schedule))
        if not isinstance(self.learning_rate_schedule, str | None) and not is_options(self.learning_rate_schedule):
            own = {"learning_rate": self._if_changed("learning_rate")}
            _check_alone("learning_rate_schedule", self.learning_rate_schedule, own)

    @classmethod
    def from_dict(cls, given: Mapping) -> "Settings":
        """Makes settings from their names and values.

        >>> Settings.from_dict({"epochz": 3})
        Traceback (most recent call last):
        ValueError: unknown setting 'epochz'; did you mean 'epochs'?

        Raises:
            ValueError: an unknown name, with the nearest known one; or as in `Settings`.
        """
        for name in given:
            check_known("setting", name, [field.name for field in dataclasses.fields(cls)])
        return cls(**given)

    def _if_changed(self, name):
        """The value of a setting that differs from its default, else None."""
        value = getattr(self, name)
        return None if value == getattr(type(self), name) else value

    def _task(self, name, given):
        """Returns one task with all its parts."""
        if not isinstance(given, Mapping):
            raise ValueError(f"the task {name} must be a dict of {', '.join(TASK)}, but got {given!r}")
        for part in given:
            check_known(f"part of the task {name}:", part, TASK)
        whole = {"target": self.target, "loss": self.loss, "loss_options": self.loss_options, "weight": 1.0} | given
        whole = {part: check_value(f"{part} of the task {name}", whole[part], kind) for part, kind in TASK.items()}
        _check_alone(f"loss of the task {name}", whole["loss"], {"loss_options": whole["loss_options"]})
        return whole


def help_texts() -> dict[str, str]:
    """Describes each setting in the words of the docstring of `Settings`.

    >>> help_texts()["batch_size"]
    'the number of lists in a step, or all lists if there are fewer. None = chosen by the number of training lists.'
    """
    return argument_texts(Settings.__doc__)


def is_options(given: object) -> bool:
    """Whether this is {name: options}, and not the config of an object."""
    return isinstance(given, Mapping) and "class_name" not in given


def check_value(name: str, value: Any, kind: Any) -> Any:
    """Returns the value of a setting. A number may also be given as text, as YAML reads 1e-3.

    >>> check_value("learning_rate", "1e-3", Positive)
    0.001

    Args:
        name: the name of the setting.
        value: the given value.
        kind: its annotation, see `plackett.registry.options`.

    Raises:
        ValueError: the value is of another kind, or out of range.
    """
    members = [kind] if typing.get_origin(kind) is Annotated else typing.get_args(kind) or [kind]
    kinds = [typing.get_args(x)[0] if typing.get_origin(x) is Annotated else x for x in members]
    if float in kinds and isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    wording = " or ".join(WORDS[x] for x in kinds if x in WORDS)
    rule = rule_of(kind) or Rule(lambda x: isinstance(x, tuple(kinds)), wording)
    if not rule.allows(value):
        raise ValueError(f"{name} must be {rule.wording}, but got {value!r}")
    of_numbers = next((x for x in kinds if x in (int, float)), None)
    return value if of_numbers is None or value is None else of_numbers(value)


def _check_schedule(given):
    """Returns the schedule of a learning rate. Numbers in its options may be given as text."""
    options = given if is_options(given) else {given: None}
    if not isinstance(given, str) and not is_options(given):
        return given
    if len(options) != 1:
        raise ValueError(f"learning_rate_schedule must be a name or {{name: options}}, but got {given!r}")
    ((name, options),) = options.items()
    check_known("learning_rate_schedule", name, OPTIONS_OF_SCHEDULES)
    if not isinstance(options, Mapping | None):
        raise ValueError(f"the options of {name} must be {{name: value}}, but got {options!r}")
    known, options = OPTIONS_OF_SCHEDULES[name], options or {}
    for option in options:
        check_known(f"option of {name}:", option, known)
    options = {option: check_value(f"{option} of {name}", x, known[option]) for option, x in options.items()}
    if name == "cosine" and options.get("warmup_steps") and "warmup_target" not in options:
        raise ValueError(
            f"warmup_steps={options['warmup_steps']} of cosine has an effect only with warmup_target, the rate that it "
            "leads up to: give that too, or take warmup_cosine"
        )
    return given if isinstance(given, str) else {name: options}


def _shown(given):
    """Shows an object; the config of an object by its class."""
    return given.get("class_name", given) if isinstance(given, Mapping) else repr(given)


def _check_alone(name, given, options):
    """Raises a ValueError if options are given beside an object, where they would have no effect."""
    if not isinstance(given, str):
        for option, value in options.items():
            if value:
                raise ValueError(
                    f"{option}={value!r} goes with the name of a known {name}, but {_shown(given)} is an object with "
                    f"its own options: leave out {option}"
                )
