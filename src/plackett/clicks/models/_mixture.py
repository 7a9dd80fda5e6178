"""Mixtures of click models: each list comes from one kind of user, but it is not known from which."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from plackett._types import Tensor
from plackett.clicks.models._base import ClickModel
from plackett.clicks.models._logs import IMPOSSIBLE, log_sum, logit, logs
from plackett.clicks.models._walks import Walk
from plackett.lists import mean
from plackett.lists._shapes import shape_text
from plackett.losses._base import Reduction
from plackett.registry import Configured, register


def mixture(log_likelihoods: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Mixture: each list comes from one of several click models, each of which has a share of all lists.

    For one list with the likelihoods L_m of M models, and the logits w of their shares,

        log L = log sum_m softmax(w)_m L_m

    >>> from plackett.clicks import cascade, position_based
    >>> attraction, seen = [0.6, 0.8], [4.0, -4.0]
    >>> patient, hasty = cascade([0, 1], attraction), position_based([0, 1], attraction, seen)
    >>> round(float(mixture([patient, hasty], [0.0, 0.0])), 6)
    -2.083331

    Args:
        log_likelihoods: the log-likelihoods of the M models, [...] each, as the functions of click models return them.
        weights: [..., M], or what broadcasts to it: logits of the shares.

    Returns:
        [...], the log-likelihood of each list, in nats.

    Raises:
        ValueError: there is no model, or the number of weights differs.

    Derivatives: of any order and mode.

    When: users who look at lists in a few different ways, for example by device or intent.
    """
    members = [ops.convert_to_tensor(one) for one in log_likelihoods]
    if not members:
        raise ValueError("log_likelihoods must have those of at least one model, but got none")
    by_member = ops.stack(members, axis=-1)
    weights = ops.cast(ops.convert_to_tensor(weights), by_member.dtype)
    if not len(weights.shape) or weights.shape[-1] != len(members):
        raise ValueError(
            f"weights must have one logit a model on the last axis, {len(members)}, but got {shape_text(weights.shape)}"
        )
    return log_sum(by_member + ops.log_softmax(weights, axis=-1))


@register
class MixtureRanking(Configured):
    """The logits that a mixture ranks by: those of P(attracts), averaged over its members.

    Args:
        model: the `MixtureModel`.
    """

    def __init__(self, model: ClickModel):
        self.model = model

    def __call__(self, scores: Tensor) -> Tensor:
        """[..., list_size, columns] -> [..., list_size]."""
        model = self.model
        share = ops.log_softmax(scores[..., : len(model.members)], axis=-1)
        of_member = [
            logs(one.ranking_scores(own))
            for one, own in zip(model.members, model.parameters_of_members(scores), strict=True)
        ]
        return logit([log_sum(share + ops.stack(x, axis=-1)) for x in zip(*of_member, strict=True)])


@register
class MixtureModel(ClickModel):
    """Mixture: each list comes from one of several click models, each of which has a share of all lists.

        L = sum_m softmax(weight)_m L_m

    The parameters are the constants `weight_1`, `weight_2` and so on, the logits of the shares, and those of each
    member with its number after the name, such as `examination_1`. A ranking is by P(attracts), averaged over the
    members. Take it for users who look at lists in a few different ways, for example by device or intent. `mixture` is
    the function.

    >>> from plackett.clicks import CascadeModel, PositionBasedModel
    >>> model = MixtureModel([PositionBasedModel(), CascadeModel()])
    >>> model.columns
    ('weight_1', 'weight_2', 'examination_1', 'attraction_1', 'attraction_2')
    >>> round(float(model([[0, 1]], [[[0.0, 0.0, 4.0, 0.6, 0.6], [0.0, 0.0, -4.0, 0.8, 0.8]]])), 6)
    2.083331

    Args:
        members: the click models, at least two. Their reductions have no effect.
    """

    def __init__(
        self,
        members: Sequence[ClickModel],
        reduction: Reduction = "auto",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, ragged)
        if len(members) < 2 or not all(isinstance(member, ClickModel) for member in members):
            raise ValueError(f"members must be at least two click models, but got members={members!r}")
        self.members = tuple(members)

    def get_config(self) -> dict:
        """The constructor's arguments. The members are serialised by Keras."""
        return super().get_config() | {"members": [keras.saving.serialize_keras_object(one) for one in self.members]}

    @classmethod
    def from_config(cls, config: dict) -> "MixtureModel":
        """Makes an equal model from what `get_config` returned."""
        return cls(**config | {"members": [keras.saving.deserialize_keras_object(one) for one in config["members"]]})

    @property
    def constants(self) -> tuple[str, ...]:
        return (*(f"weight_{number}" for number, _ in self._numbered()), *self._names("constants"))

    @property
    def of_positions(self) -> tuple[str, ...]:
        return self._names("of_positions")

    @property
    def of_documents(self) -> tuple[str, ...]:
        return self._names("of_documents")

    @property
    def start(self) -> Mapping[str, float]:
        return {f"{name}_{number}": logit for number, one in self._numbered() for name, logit in one.start.items()}

    @property
    def sequential(self) -> bool:
        return any(member.sequential for member in self.members)

    @property
    def ranking(self) -> Any:
        return MixtureRanking(self)

    def split(self, parameters: Tensor) -> Mapping[str, Any]:
        """Splits the parameters into `weights`, [..., list_size] a member, and `of_members`, the split of each."""
        self._check_columns(parameters)
        own = self.parameters_of_members(parameters)
        of_members = [member.split(one) for member, one in zip(self.members, own, strict=True)]
        return {"weights": [parameters[..., m] for m in range(len(self.members))], "of_members": of_members}

    def parameters_of_members(self, parameters: Tensor) -> list[Tensor]:
        """The columns of each member, [..., list_size, its columns]."""
        place = {name: i for i, name in enumerate(self.columns)}
        return [
            ops.stack([parameters[..., place[f"{name}_{number}"]] for name in member.columns], axis=-1)
            for number, member in self._numbered()
        ]

    def _numbered(self):
        return enumerate(self.members, 1)

    def _names(self, kind):
        return tuple(f"{name}_{number}" for number, member in self._numbered() for name in getattr(member, kind))

    def _by_column(self, parameters):
        by_column = dict(parameters)
        for number, member in self._numbered():
            names = [name for name in parameters if name.endswith(f"_{number}") and name != f"weight_{number}"]
            own = member._by_column({name.removesuffix(f"_{number}"): by_column.pop(name) for name in names})
            by_column |= {f"{name}_{number}": one for name, one in own.items()}
        return by_column

    def _log_likelihood(self, clicked, mask, weights, of_members):
        of_member = [
            member._log_likelihood(clicked, mask, **own) for member, own in zip(self.members, of_members, strict=True)
        ]
        return log_sum(_log_shares(weights, mask) + ops.stack(of_member, axis=-1))

    def _log_probability(self, mask, weights, of_members):
        of_member = [member._log_probability(mask, **own) for member, own in zip(self.members, of_members, strict=True)]
        shares = _log_shares(weights, mask)[..., None, :]
        return tuple(log_sum(shares + ops.stack(x, axis=-1)) for x in zip(*of_member, strict=True))

    def _walk(self, mask, weights, of_members):
        """The walks of all members side by side. Each keeps the log of its share and of P(the clicks so far)."""
        walks = [member._walk(mask, **own) for member, own in zip(self.members, of_members, strict=True)]
        shares = _log_shares(weights, mask)

        def predict(state, i):
            so_far = ops.stack([share for share, _ in state], axis=-1)
            total = log_sum(so_far)
            total = ops.where(total == IMPOSSIBLE, 0.0, total)
            of_member = [walk.predict(own, i) for walk, (_, own) in zip(walks, state, strict=True)]
            return tuple(log_sum(so_far + ops.stack(x, axis=-1)) - total for x in zip(*of_member, strict=True))

        def advance(state, i, clicked):
            after = []
            for walk, (share, own) in zip(walks, state, strict=True):
                share = share + ops.where(clicked, *walk.predict(own, i))
                after.append((share, walk.advance(own, i, clicked)))
            return tuple(after)

        state = tuple((shares[..., m], walk.state) for m, walk in enumerate(walks))
        return Walk(state, predict, advance)


def _log_shares(weights, mask):
    """The logs of the shares, [..., members], from the mean of their logits over the list."""
    return ops.log_softmax(ops.stack([mean(one, mask) for one in weights], axis=-1), axis=-1)
