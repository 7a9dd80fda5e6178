"""Losses that a teacher's scores may be given to: numbers of any sign, which are no grades."""

from plackett.lambdas import LabelDiffLambdaWeight
from plackett.losses._base import RankingLoss
from plackett.training._objective import loss_name

# Those of plackett that read labels as real numbers, or their order alone. All others read grades: gains 2^y, shares
# y / sum of y, classes, or what is above 0.
OF_TEACHERS = (
    "coupled_rank_distil",
    "list_mle",
    "list_net",
    "margin_mse",
    "mean_squared",
    "pairwise_hinge",
    "pairwise_logistic",
    "pairwise_mse",
    "pairwise_soft_zero_one",
    "pairwise_squared_hinge",
)


def check_teacher_loss(loss: RankingLoss) -> None:
    """Checks that a loss reads real numbers, not grades; one of your own is taken as it is.

    Raises:
        ValueError: it reads grades, or its lambda weight does; says which losses are allowed.
    """
    name, kind = loss_name(loss), type(loss)
    own = not kind.__module__.startswith("plackett.") or kind.__name__.startswith("_")
    if not own and name not in OF_TEACHERS:
        raise ValueError(
            f"{name} reads grades, and a teacher's scores are none: they may be below 0, and 2^score is no gain. The "
            f"loss must be one of {', '.join(OF_TEACHERS)}, or one of your own; {name} may be label_loss, which learns "
            "from the labels"
        )
    weight = loss.options.get("lambda_weight")
    if weight is not None and name.startswith("pairwise") and not isinstance(weight, LabelDiffLambdaWeight):
        raise ValueError(
            f"{type(weight).__name__} reads grades, and a teacher's scores are none: leave lambda_weight of {name} "
            "out, or take LabelDiffLambdaWeight"
        )
