"""The ways of learning a ranker from clicks: one entry each."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from plackett.clicks.models import MODELS, PositionBasedModel, UserBrowsingModel
from plackett.data._batches import SMALLEST
from plackett.registry import check_known

# What the lists of a method are, see `plackett.clicks.training._lists`.
Unit = Literal["documents", "counts", "sessions"]
RATE = 30.0  # how much faster than the relevance tower what is known of positions is learnt, see `two_tower`


@dataclasses.dataclass(frozen=True)
class Method:
    """How a ranker is learnt from clicks.

    Args:
        text: what it does, in a line.
        unit: what its lists are made of: "documents", one list a query, each document once with its clicks summed up;
            "counts", one list a query, with an entry for each document, position and outcome; "sessions", one list a
            session.
        loss: the loss: its name, or a function that makes it of the number of positions; None = any loss of rankers,
            `DEFAULT_LOSS` unless another is chosen.
        towers: whether positions are part of the model: a tower of relevance beside one of examination.
        measure: a function that makes the loss by which held-out clicks choose the epoch. None = that of training.
        propensities: whether clicks are divided by the propensity of their impression.
        gapless: whether each session must show its documents at positions 1, 2, 3 and so on.
        first_click: whether no session may have more than one click.
    """

    text: str
    unit: Unit
    loss: str | Callable[[int], Any] | None = None
    towers: bool = True
    measure: Callable[[], Any] | None = None
    propensities: bool = False
    gapless: bool = False
    first_click: bool = False


DEFAULT_LOSS = "softmax"


def _user_browsing(positions):
    """The model for lists of so many positions, which are padded to a multiple of `SMALLEST`."""
    return UserBrowsingModel(positions=-(-positions // SMALLEST) * SMALLEST)


def _of_model(name: str, text: str) -> Method:
    """The method that fits a click model, of which the attraction comes from the document."""
    model = MODELS[name]
    known = model()
    return Method(
        text,
        # A model of single positions is a sum over impressions, which counts hold as well as sessions do.
        "sessions" if known.sequential else "counts",
        _user_browsing if name == "ubm" else lambda positions: model(),
        towers=bool(known.constants or known.of_positions),
        gapless=bool(known.sequential),
        first_click=name == "cascade",
    )


TEXTS = {
    "ctr": "click-through rate: each click by itself, wherever the document stood",
    "pbm": "position-based model: a click needs a document that is seen and attractive",
    "trust": "trust bias: what is high up is clicked also where it is not relevant",
    "cascade": "cascade model: users read down to the first click, and leave",
    "dcm": "dependent click model: after a click users go on with a chance of the position",
    "ubm": "user browsing model: examination by position and the last click above",
    "dbn": "dynamic Bayesian network: users read on until a document satisfies them, or they give up",
    "sdbn": "simplified dynamic Bayesian network: they read on until a document satisfies them",
    "ccm": "click chain model: going on depends on the relevance of what was clicked",
}

METHODS: dict[str, Method] = {
    "naive": Method("clicks are taken for relevance", "documents", towers=False),
    "ipw": Method("each click counts 1 / its propensity", "documents", towers=False, propensities=True),
    "click_em": Method(
        "what was seen and what is relevant by expectation maximisation",
        "counts",
        "click_em",
        measure=PositionBasedModel,
    ),
    "mixture_em": Method("several rankers, each for a part of the sessions", "sessions", "mixture_em"),
    "two_tower": Method("logits of relevance and position are added", "counts", "sigmoid_cross_entropy"),
    **{name: _of_model(name, TEXTS[name]) for name in MODELS},
}


def find_method(name: str) -> Method:
    """The method of this name.

    >>> find_method("pbm").unit
    'counts'

    Raises:
        ValueError: an unknown name, with the nearest known one.
    """
    check_known("method", name, METHODS)
    return METHODS[name]
