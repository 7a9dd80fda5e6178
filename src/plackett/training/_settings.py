"""The settings of a training run: what `config.yaml` holds. Nothing here needs Keras."""

import contextlib
import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping

SCORERS = ("additive", "dcn", "embeddings", "mlp", "self_attention")  # the keys of `plackett.scorers.SCORERS`
OF_OPTIMIZERS = ("learning_rate", "learning_rate_schedule", "weight_decay", "global_clipnorm")


@typing.runtime_checkable
class Metric(typing.Protocol):
    """What a metric of plackett does."""

    def update_state(self, y_true, y_pred): ...
    def result(self): ...


@typing.runtime_checkable
class Optimizer(typing.Protocol):
    """What an optimizer of Keras does."""

    def apply_gradients(self, grads_and_vars): ...


TASK = {"target": str, "loss": str | dict | Callable, "loss_options": dict, "weight": float}


class SettingsKeywords(typing.TypedDict, total=False):
    """The fields of `Settings`, as keywords of `train` and `tune`."""

    loss: str | dict | Callable
    loss_options: dict
    target: str
    tasks: dict | None
    metric: str | dict | Metric
    scorer: str | dict | Callable | None
    scorer_options: dict
    validation_share: float
    epochs: int
    patience: int
    batch_size: int
    max_list_size: int | None
    optimizer: str | dict | Optimizer
    learning_rate: float
    learning_rate_schedule: str | dict | Callable | None
    weight_decay: float | None
    global_clipnorm: float | None
    mixed_precision: bool
    checkpoint_steps: int | None
    checkpoint_minutes: float
    keep_checkpoints: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a ranker is trained.

    >>> Settings(loss="softmax", epochs=3).metric
    'ndcg@10'

    What has a name may also be an object, or the config of one as `config.yaml` holds it.

    Args:
        loss: the name of the loss; or a loss of Keras or plackett, or a function, see `train`.
        loss_options: arguments of a loss that is given by its name.
        target: what the loss learns from: "label", or any column of the lists, such as "click" or "teacher".
        tasks: name -> {target, loss, loss_options, weight}: a head of the scorer for each, which share its body; the
            losses are added up by their weights, 1 unless said otherwise, and what a task leaves out is as for the
            run. The metric is that of the first task. None = one head.
        metric: the name of the metric that chooses the best epoch, such as "ndcg@10"; or a metric of plackett.
        scorer: one of `plackett.scorers.SCORERS`, or a function like them, or a Keras model, see `train`. None =
            "embeddings" where there are id features, else "mlp".
        scorer_options: arguments of a scorer that is a name or a function; it gives a document as many scores as the
            loss takes unless they say otherwise.
        validation_share: the share of the queries, drawn by the seed, that is held out where no validation lists are
            given.
        epochs: how often the training lists are gone through, at most.
        patience: training stops after so many epochs without a better metric.
        batch_size: how many lists a step takes.
        max_list_size: longer training lists are cut to so many documents, see `data.Batches`. None = they stay whole.
        optimizer: any of Keras, by its lower-case name; or an optimizer of Keras, which has its own learning rate,
            decay and clipping.
        learning_rate: of the optimizer, or where its schedule starts from or leads up to.
        learning_rate_schedule: None, "cosine", "warmup_cosine" or "exponential", or {name: options}; or a schedule of
            Keras, which has its own learning rate.
        weight_decay: of the optimizer. None = its own default.
        global_clipnorm: a gradient whose norm over all weights is larger is scaled down to it. None = it is not.
        mixed_precision: layers compute in bfloat16, weights and scores are float32.
        checkpoint_steps: a checkpoint is written after each so many steps. None = by time alone.
        checkpoint_minutes: one is written when the last is so old.
        keep_checkpoints: how many of the last ones are kept.
        seed: of the initial weights, the order of lists, dropout and the loss's noise.

    Raises:
        ValueError: a value of another type or out of range, an unknown scorer or part of a task, or options beside an
            object that has its own.
    """

    loss: str | dict | Callable = "unique_softmax"
    loss_options: dict = dataclasses.field(default_factory=dict)
    target: str = "label"
    tasks: dict | None = None
    metric: str | dict | Metric = "ndcg@10"
    scorer: str | dict | Callable | None = None
    scorer_options: dict = dataclasses.field(default_factory=dict)
    validation_share: float = 0.2
    epochs: int = 50
    patience: int = 5
    batch_size: int = 32
    max_list_size: int | None = None
    optimizer: str | dict | Optimizer = "adam"
    learning_rate: float = 1e-3
    learning_rate_schedule: str | dict | Callable | None = None
    weight_decay: float | None = None
    global_clipnorm: float | None = None
    mixed_precision: bool = False
    checkpoint_steps: int | None = None
    checkpoint_minutes: float = 10.0
    keep_checkpoints: int = 2
    seed: int = 0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, typed(field.name, getattr(self, field.name), field.type))
        self._check_ranges()
        if isinstance(self.scorer, str):
            check_known("scorer", self.scorer, SCORERS)
        if self.tasks is not None:
            object.__setattr__(self, "tasks", {name: self._task(name, given) for name, given in self.tasks.items()})
            if not self.tasks:
                raise ValueError("tasks must name at least one task, or be None, but got {}")
        _check_alone("loss", self.loss, {"loss_options": self.loss_options})
        if not isinstance(self.optimizer, str):
            _check_alone("optimizer", self.optimizer, {name: self._changed(name) for name in OF_OPTIMIZERS})
        if not isinstance(self.learning_rate_schedule, str | None) and not is_options(self.learning_rate_schedule):
            own = {"learning_rate": self._changed("learning_rate")}
            _check_alone("learning_rate_schedule", self.learning_rate_schedule, own)

    @classmethod
    def from_dict(cls, given: Mapping) -> "Settings":
        """Settings from their names and values.

        >>> Settings.from_dict({"epochz": 3})
        Traceback (most recent call last):
        ValueError: unknown setting 'epochz'; did you mean 'epochs'?

        Raises:
            ValueError: an unknown name, with the nearest known one; or as `Settings` does.
        """
        for name in given:
            check_known("setting", name, [field.name for field in dataclasses.fields(cls)])
        return cls(**given)

    def _check_ranges(self):
        for name in ("epochs", "patience", "batch_size", "max_list_size", "checkpoint_steps", "keep_checkpoints"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but got {getattr(self, name)}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be from 0 to {2**32 - 1}, but got {self.seed}")
        for name in ("learning_rate", "global_clipnorm", "checkpoint_minutes"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} must be greater than 0, but got {getattr(self, name)}")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must be between 0 and 1, but got {self.validation_share}")

    def _changed(self, name):
        """The value of a setting that is not at its default, else None."""
        value = getattr(self, name)
        return None if value == getattr(type(self), name) else value

    def _task(self, name, given):
        """One task with all its parts."""
        if not isinstance(given, Mapping):
            raise ValueError(f"the task {name} must be a dict of {', '.join(TASK)}, but got {given!r}")
        for part in given:
            check_known(f"part of the task {name}:", part, TASK)
        whole = {"target": self.target, "loss": self.loss, "loss_options": self.loss_options, "weight": 1.0} | given
        whole = {part: typed(f"{part} of the task {name}", whole[part], kind) for part, kind in TASK.items()}
        _check_alone(f"loss of the task {name}", whole["loss"], {"loss_options": whole["loss_options"]})
        return whole


def help_texts() -> dict[str, str]:
    """What each setting is, in the words of the docstring of `Settings`.

    >>> help_texts()["batch_size"]
    'how many lists a step takes.'
    """
    section = re.search(r"Args:\n(.*?)\n\n", str(Settings.__doc__), re.DOTALL)[1]
    entries = re.findall(r"^ {8}(\w+): (.*?)(?=^ {8}\w|\Z)", section, re.DOTALL | re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def is_options(given) -> bool:
    """Whether this is {name: options}, not the config of an object."""
    return isinstance(given, Mapping) and "class_name" not in given


def check_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raises a ValueError where `name` is not `known`, with the nearest that is, or else with all."""
    if name not in known:
        near = difflib.get_close_matches(str(name), list(known), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")


def typed(name: str, value, kind):
    """`value` as `kind` has it: numbers for a float too where they are written as text, as YAML reads 1e-3."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in kinds and isinstance(value, int | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            value = float(value)
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if not fits or (isinstance(value, float) and math.isnan(value)):
        allowed = " or ".join("None" if kind is types.NoneType else kind.__name__ for kind in kinds)
        raise ValueError(f"{name} must be {allowed}, but got {value!r}")
    return value


def _check_alone(name, given, options):
    """Raises a ValueError where an object has options beside it that would not act."""
    if not isinstance(given, str):
        for option, value in options.items():
            if value:
                raise ValueError(
                    f"{option}={value!r} goes with the name of a known {name}, but {given!r} has its own: leave out "
                    f"{option}"
                )
