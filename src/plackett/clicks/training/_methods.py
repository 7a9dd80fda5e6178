"""The methods of learning a ranker from clicks, one entry each."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from plackett.clicks.models import MODELS, PositionBasedModel, UserBrowsingModel
from plackett.data._batches import SMALLEST
from plackett.registry import check_known

# The kinds of lists of a method, see `plackett.clicks.training._lists`.
Unit = Literal["documents", "counts", "sessions"]
RATE = 30.0  # how much faster positions are learnt than the relevance tower, see `two_tower`


@dataclasses.dataclass(frozen=True)
class Method:
    """A method of learning a ranker from clicks.

    Args:
        text: a description in one line.
        unit: the unit of its lists. "documents": one list per query, each document once with the sum of its clicks;
            "counts": one list per query, with an entry for each document, position and outcome; "sessions": one list
            per session.
        loss: the name of the loss, or a function of the number of positions that makes it. None = any ranking loss,
            `DEFAULT_LOSS` unless another is chosen.
        towers: whether positions are part of the model: a tower of relevance beside one of examination.
        measure: a function that makes the loss by which held-out clicks choose the epoch. None = the training loss.
        propensities: whether clicks are divided by the propensity of their impression.
        gapless: whether each session must show its documents at positions 1, 2, 3 and so on.
        first_click: whether sessions must not have more than one click.
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
    """The model for lists with this many positions, which are padded to a multiple of `SMALLEST`."""
    return UserBrowsingModel(positions=-(-positions // SMALLEST) * SMALLEST)


def _of_model(name: str, text: str) -> Method:
    """The method that fits a click model whose attraction comes from the document."""
    model = MODELS[name]
    known = model()
    return Method(
        text,
        # A model of single positions is a sum over impressions, which counts hold as well as sessions.
        "sessions" if known.sequential else "counts",
        _user_browsing if name == "ubm" else lambda positions: model(),
        towers=bool(known.constants or known.of_positions),
        gapless=bool(known.sequential),
        first_click=name == "cascade",
    )


TEXTS = {
    "ctr": "click-through rate: each click counts on its own, wherever the document was",
    "pbm": "position-based model: a click needs a document that is seen and attractive",
    "trust": "trust bias: documents near the top are also clicked if they are not relevant",
    "cascade": "cascade model: users read down to the first click, and leave",
    "dcm": "dependent click model: after a click, users go on with a probability that depends on the position",
    "ubm": "user browsing model: examination depends on the position and on the last click above",
    "dbn": "dynamic Bayesian network: users read on until a document satisfies them, or they give up",
    "sdbn": "simplified dynamic Bayesian network: users read on until a document satisfies them",
    "ccm": "click chain model: going on depends on the relevance of what was clicked",
}

METHODS: dict[str, Method] = {
    "naive": Method("clicks are taken as relevance", "documents", towers=False),
    "ipw": Method("each click counts 1 / its propensity", "documents", towers=False, propensities=True),
    "click_em": Method(
        "learns what was seen and what is relevant by expectation maximisation",
        "counts",
        "click_em",
        measure=PositionBasedModel,
    ),
    "mixture_em": Method("several rankers, each for a part of the sessions", "sessions", "mixture_em"),
    "two_tower": Method("the logits of relevance and position are added", "counts", "sigmoid_cross_entropy"),
    **{name: _of_model(name, TEXTS[name]) for name in MODELS},
}


def find_method(name: str) -> Method:
    """Returns the method of this name.

    >>> find_method("pbm").unit
    'counts'

    Raises:
        ValueError: an unknown name, with the nearest known one.
    """
    check_known("method", name, METHODS)
    return METHODS[name]
