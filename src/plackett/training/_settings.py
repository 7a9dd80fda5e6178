"""The settings of a training run: what `config.yaml` holds."""

import contextlib
import dataclasses
import difflib
import inspect
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping

TASK = {"target": str, "loss": str, "loss_options": dict, "weight": float}


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a ranker is trained.

    Args:
        loss: the name of the loss.
        loss_options: arguments of the loss.
        target: what the loss learns from: "label", or a column of the lists, "click" or "teacher".
        tasks: name -> {target, loss, loss_options, weight}: a head of the scorer for each, which share its body; the
            losses are added up by their weights, 1 unless said otherwise, and what a task leaves out is as for the
            run. The metric is that of the first task. None = one head.
        metric: the name of the metric that chooses the best epoch, such as "ndcg@10".
        scorer: one of `scorers.SCORERS`. None = "embeddings" where there are id features, else "mlp".
        scorer_options: arguments of the scorer; it gives a document as many scores as the loss takes unless they say
            otherwise.
        epochs: how often the training lists are gone through, at most.
        patience: training stops after so many epochs without a better metric.
        batch_size: how many lists a step takes.
        max_list_size: longer training lists are cut to so many documents, see `data.Batches`. None = they stay whole.
        optimizer: any of Keras, by its lower-case name.
        learning_rate: of the optimizer, or where its schedule starts from or leads up to.
        learning_rate_schedule: None, "cosine", "warmup_cosine" or "exponential", or {name: options}, see
            `optimizers.SCHEDULES`.
        weight_decay: of the optimizer. None = its own default.
        global_clipnorm: a gradient whose norm over all weights is larger is scaled down to it. None = it is not.
        mixed_precision: layers compute in bfloat16, weights and scores are float32.
        checkpoint_steps: a checkpoint is written after each so many steps. None = by time alone.
        checkpoint_minutes: one is written when the last is so old.
        keep_checkpoints: how many of the last ones are kept.
        seed: of the initial weights, the order of lists, dropout and the loss's noise.

    Raises:
        ValueError: a value of another type or out of range, or an unknown part of a task.
    """

    loss: str = "unique_softmax"
    loss_options: dict = dataclasses.field(default_factory=dict)
    target: str = "label"
    tasks: dict | None = None
    metric: str = "ndcg@10"
    scorer: str | None = None
    scorer_options: dict = dataclasses.field(default_factory=dict)
    epochs: int = 50
    patience: int = 5
    batch_size: int = 32
    max_list_size: int | None = None
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    learning_rate_schedule: str | dict | None = None
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
        for name in ("epochs", "patience", "batch_size", "max_list_size", "checkpoint_steps", "keep_checkpoints"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but got {getattr(self, name)}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be from 0 to {2**32 - 1}, but got {self.seed}")
        for name in ("learning_rate", "global_clipnorm", "checkpoint_minutes"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} must be greater than 0, but got {getattr(self, name)}")
        if self.tasks is not None:
            object.__setattr__(self, "tasks", {name: self._task(name, given) for name, given in self.tasks.items()})
            if not self.tasks:
                raise ValueError("tasks must name at least one task, or be None, but got {}")

    def _task(self, name, given):
        """One task with all its parts."""
        if not isinstance(given, Mapping):
            raise ValueError(f"the task {name} must be a dict of {', '.join(TASK)}, but got {given!r}")
        for part in given:
            check_known(f"part of the task {name}:", part, TASK)
        whole = {"target": self.target, "loss": self.loss, "loss_options": self.loss_options, "weight": 1.0} | given
        return {part: typed(f"{part} of the task {name}", whole[part], kind) for part, kind in TASK.items()}


def settings_of(given: Mapping) -> Settings:
    """Settings from their names and values.

    Raises:
        ValueError: an unknown name, with the nearest known one; or as `Settings` does.
    """
    for name in given:
        check_known("setting", name, [field.name for field in dataclasses.fields(Settings)])
    return Settings(**given)


def help_texts() -> dict[str, str]:
    """What each setting is, in one line: the docstring of `Settings` says it once.

    >>> help_texts()["seed"]
    "of the initial weights, the order of lists, dropout and the loss's noise."
    """
    arguments = inspect.cleandoc(Settings.__doc__).partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", arguments, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in entries}


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
