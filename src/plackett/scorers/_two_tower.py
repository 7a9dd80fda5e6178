"""Two towers that separate what a click mixes: how relevant a document is, and whether it was seen."""

from collections.abc import Mapping
from typing import Literal

import keras

from plackett._types import Tensor
from plackett.data import RankingLists
from plackett.registry import check_known
from plackett.registry.options import Count, CountFrom0, Counts, Names, NotNegative, Positive, ShareBelow1
from plackett.scorers._any_model import output_layers
from plackett.scorers._checks import check_options_of, with_checks
from plackett.scorers._outputs import MaskedScores, mask_scores
from plackett.scorers._towers import RATE, Combine, Constants, Reversal, examination_tower

# The names of the layers that compute the scores of the relevance tower and the constants.
SCORES, CONSTANTS = "scores", "constants"


@with_checks
def two_tower(
    lists: RankingLists,
    *,
    relevance: str = "mlp",
    relevance_options: Mapping | None = None,
    positions: Count | None = None,
    context: Names | tuple[()] = (),
    combine: Literal["stack", "add"] = "stack",
    constant_scores: CountFrom0 = 0,
    examination_scores: CountFrom0 | None = None,
    examination_hidden: Counts = (16,),
    examination_dimension: Count = 8,
    examination_rate: Positive = 1.0,
    examination_dropout: ShareBelow1 = 0.0,
    gradient_reversal: NotNegative = 0.0,
    models: Count | None = None,
    tasks: Names | None = None,
) -> keras.Model:
    """A relevance tower over documents and an examination tower over positions, for click losses.

    With "add", as in an additive model of clicks,

        score_m = relevance_m(document) + examination_m(position, context)

    With "stack" a document has the scores of both towers, as `click_em` and the click models take them: first
    `constant_scores` free numbers, then `examination_scores` scores of the position, then the scores of the document.
    The examination is one number per position or, with `context`, hidden layers over embeddings of position and
    context.

    Only the relevance tower ranks, see `relevance_tower`, so that `plackett.score` needs no position.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> shown = {"position": np.tile(np.arange(1, 7), 10)}
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, columns=shown)
    >>> model = plackett.scorers.two_tower(lists, models=2)
    >>> sorted(model.input), model.output.shape
    (['features', 'mask', 'position'], (None, None, 2))

    Args:
        lists: the training lists, with the column `position`, from 1.
        relevance: the scorer of the relevance tower, by its name.
        relevance_options: the options of that scorer.
        positions: the number of known positions. None = up to the last position in the lists.
        context: columns of queries or documents that examination also depends on. Strings are categories; numbers are
            standardised.
        combine: "stack" or "add".
        constant_scores: how many free numbers come first in a stack.
        examination_scores: the number of scores of the examination tower. None = 1 in a stack, and the number of models
            in a sum. With 0 the scorer takes no position.
        examination_hidden: the widths of the hidden layers over positions and context.
        examination_dimension: the dimension of the embeddings of positions and categories, with `context`.
        examination_rate: how much faster the examination and the free numbers move than the relevance tower. They are
            their weights times this, and the steps of Adam do not depend on the scale. At 1 the number of a position is
            still far from what the clicks say when the relevance tower has converged, so that the relevance tower
            learns the position too.
        examination_dropout: the share of lists whose examination is left out of the sum in training, so that relevance
            alone must explain their clicks.
        gradient_reversal: how strongly the examination tower is kept from learning relevance. The gradient of a linear
            prediction of the relevance from the examination is reversed and scaled by this. The squared error of the
            prediction is part of the training loss.
        models: the number of scores per document, see `plackett.scorers`.
        tasks: must be None.

    Returns:
        A model of the inputs of the relevance tower, `position` and the context.

    Raises:
        ValueError: a position or context is missing or malformed, the numbers of scores do not add up, or an option is
            out of range or would have no effect.

    Reference: Yan et al., "Revisiting Two-Tower Models for Unbiased Learning to Rank", SIGIR 2022, for the sum; Zhang
    et al., "Towards Disentangling Relevance and Bias in Unbiased Learning to Rank", KDD 2023,
    https://arxiv.org/abs/2212.13937, for the reversal, here with the score of the relevance tower as the label of the
    adversary, and for the dropout, which here drops the examination of a whole list without rescaling.
    """
    if tasks is not None:
        raise ValueError(f"two_tower has one output, not the tasks {', '.join(tasks)}: train one model for each task")
    if combine == "stack" and examination_dropout:
        raise ValueError(
            "examination_dropout leaves the examination out of a sum: in a stack its logit of 0 would be a probability "
            'of 1/2; give combine="add"'
        )
    if examination_rate != 1.0 and examination_scores == 0 and not constant_scores:
        raise ValueError("examination_rate acts on examination_scores > 0 or constant_scores > 0")
    if not context and (tuple(examination_hidden), examination_dimension) != ((16,), 8):
        raise ValueError(
            "examination_hidden and examination_dimension act only with context: leave them out, or set context"
        )
    seen, documents = _numbers_of_scores(combine, constant_scores, examination_scores, models)
    if not seen and (context or positions or examination_dropout or gradient_reversal):
        raise ValueError("context, positions, examination_dropout and gradient_reversal act on examination_scores > 0")
    tower = _make_relevance(lists, relevance, relevance_options or {}, documents)
    inputs, mask, scores = dict(tower.input), tower.input["mask"], tower.output
    parts = [scores if len(scores.shape) == 3 else scores[..., None]]
    examined: dict[str, Tensor] = {}
    if seen:
        examined, examination = examination_tower(
            lists,
            seen,
            positions=positions,
            context=context,
            hidden=examination_hidden,
            dimension=examination_dimension,
        )
        if taken := set(examined) & set(inputs):
            raise ValueError(f"{', '.join(sorted(taken))} cannot be both in the context and in the relevance tower")
        if examination_rate != 1.0:
            examination = keras.layers.Rescaling(examination_rate, name=RATE, dtype="float32")(examination)
        if gradient_reversal:
            examination = Reversal(gradient_reversal, dtype="float32")((examination, parts[0], mask))
        parts.insert(0, examination)
    if constant_scores:
        parts.insert(0, Constants(constant_scores, examination_rate, name=CONSTANTS, dtype="float32")(parts[-1]))
    both = Combine(combine, constant_scores, seen, examination_dropout, tuple(examined), dtype="float32")(parts)
    return keras.Model(inputs | examined, mask_scores(both, mask, "clicks", models), name="two_tower")


def _numbers_of_scores(combine, constants, seen, models):
    """(the scores of the examination tower, those of the relevance tower: None = one without an axis)."""
    if combine == "add":
        if constants:
            raise ValueError(f"constant_scores={constants} needs combine='stack': leave it out where scores are added")
        if seen not in (None, 1, models):
            raise ValueError(f"examination_scores must be 1 or models, which is {models}, in a sum, but got {seen}")
        return (models or 1) if seen is None else seen, models
    seen = 1 if seen is None else seen
    if models is None or models <= constants + seen:
        raise ValueError(
            f"a stack of {constants} constant scores, {seen} of the position and at least 1 of the document has "
            f"{constants + seen + 1} scores or more, but the loss takes {models or 1}: give it a loss of clicks such "
            'as click_em, or combine="add"'
        )
    documents = models - constants - seen
    return seen, None if documents == 1 else documents


def _make_relevance(lists, name, options, models):
    """The relevance tower, a scorer."""
    from plackett.scorers import SCORERS  # which has this scorer too

    check_known("scorer of relevance", name, [known for known in SCORERS if known != "two_tower"])
    check_options_of(SCORERS[name], f"relevance_options of the scorer {name}:", options)
    for own in ("models", "tasks"):
        if own in options:
            raise ValueError(f"relevance_options must not hold {own}, which two_tower sets itself")
    return SCORERS[name](lists, **options, **({} if models is None else {"models": models}))


def has_towers(model: keras.Model) -> bool:
    """Whether a model has a relevance tower and other parts that do not rank."""
    return _combination(model) is not None


def _combination(model):
    return next((layer for layer in model.layers if isinstance(layer, Combine)), None)


def relevance_tower(model: keras.Model) -> keras.Model:
    """The part of a two-tower model that ranks: the scorer of documents, which needs no position.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> shown = {"position": np.tile(np.arange(1, 7), 10)}
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, columns=shown)
    >>> model = plackett.scorers.two_tower(lists, models=2)
    >>> tower = relevance_tower(model)
    >>> sorted(tower.input)
    ['features', 'mask']
    >>> bool((plackett.score(tower, lists) == plackett.score(model, lists)).all())
    True

    Args:
        model: a model made by `two_tower`, trained or not.

    Returns:
        A scorer, see `plackett.scorers`, which shares the weights. If the relevance tower has several scores per
        document, they rank as those of the model do, or as its loss says. In a stack the other columns are added to
        them, with an examination of 0.

    Raises:
        ValueError: the model has no relevance tower.
    """
    combination = _combination(model)
    if combination is None:
        raise ValueError(
            f"the model {model.name} has no relevance tower: it was not made by plackett.scorers.two_tower"
        )
    layer, scores = model.get_layer(SCORES), model.get_layer(SCORES).output
    inputs = {name: tensor for name, tensor in model.input.items() if name not in combination.examined}
    ranking = None
    if layer.axis_of_models:
        (output,) = output_layers(model).values()
        ranking = getattr(getattr(model, "loss", None) if output.ranking is None else output, "ranking", None)
        scores = _with_other_columns(model, combination, scores)
    masked = MaskedScores(layer.axis_of_models, ranking, name="relevance", dtype="float32")
    return keras.Model(inputs, masked((scores, inputs["mask"])), name="relevance_tower")


def _with_other_columns(model, combination, scores):
    """The columns of a stack that need no position, and 0 for the others."""
    if combination.combine == "add":
        return scores
    parts = [model.get_layer(CONSTANTS).output] if combination.constant_scores else []
    if combination.examination_scores:
        number = combination.examination_scores
        parts.append(Constants(number, trainable=False, name="no_examination", dtype="float32")(scores))
    return keras.layers.Concatenate(dtype="float32")([*parts, scores]) if parts else scores


def ranker_of(model: keras.Model) -> keras.Model:
    """The relevance tower of a two-tower model; any other model unchanged."""
    return relevance_tower(model) if has_towers(model) else model
