"""How a student learns from a teacher: the options of `train`, and the settings of the run that follow from them."""

import dataclasses
from typing import Any

from plackett.distillation._teachers import COLUMN, check_scale
from plackett.registry.options import is_number

LOSS, LABEL_LOSS = "coupled_rank_distil", "unique_softmax"
# Settings that follow from the options, and the values that they may have nevertheless.
OWN: dict[str, tuple] = {"target": (None, COLUMN), "tasks": (None, {}), "shared_head": (None, False)}


@dataclasses.dataclass(frozen=True)
class Options:
    """How a student learns from a teacher; see `train`.

    >>> Options(label_weight=0.3).label_loss
    'unique_softmax'

    Raises:
        ValueError: an option is out of range, or has no effect.
    """

    label_loss: Any = None
    label_options: dict = dataclasses.field(default_factory=dict)
    label_weight: float = 0.0
    standardize: bool = True
    temperature: float = 1.0

    def __post_init__(self):
        check_scale(self.standardize, self.temperature)
        if not (is_number(self.label_weight) and 0 <= self.label_weight < 1):
            raise ValueError(
                "label_weight must be a number from 0, the teacher alone, to below 1, the labels alone, but got "
                f"{self.label_weight!r}: to train without a teacher, use plackett.train"
            )
        if self.label_weight == 0 and (self.label_loss is not None or self.label_options):
            name = "label_options" if self.label_loss is None else "label_loss"
            raise ValueError(f"{name} has an effect only if label_weight is above 0, but it is 0: give label_weight")
        if self.label_weight and self.label_loss is None:
            object.__setattr__(self, "label_loss", LABEL_LOSS)


def settings_of(options: Options, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of `plackett.train`, from the given ones.

    Args:
        options: how the student learns.
        given: fields of `plackett.training.Settings`. Their `loss` and `loss_options` are those of the teacher's
            scores.

    Raises:
        ValueError: one of them follows from the options.
    """
    for name, allowed in OWN.items():
        if given.get(name) not in allowed:
            raise ValueError(
                f"a student learns from the column {COLUMN}, and by label_weight also from the labels: leave out {name}"
            )
    rest = {name: value for name, value in given.items() if name not in (*OWN, "loss", "loss_options")}
    loss = {"loss": given.get("loss", LOSS), "loss_options": given.get("loss_options") or {}}
    if options.label_weight == 0:
        return rest | {"target": COLUMN} | loss
    labels = {"target": "label", "loss": options.label_loss, "loss_options": options.label_options}
    weight = float(options.label_weight)
    tasks = {"label": labels | {"weight": weight}, COLUMN: {"target": COLUMN} | loss | {"weight": 1 - weight}}
    return rest | {"tasks": tasks, "shared_head": True}
