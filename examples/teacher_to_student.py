"""A teacher and its student: CoupledRankDistilLoss distils a ranker without any judgements.

    KERAS_BACKEND=torch python examples/teacher_to_student.py

The teacher may be anything that gives scores; here it is a function. Only 20 lists are judged. The student learns from
the scores of the teacher, also on 200 lists that nobody judged. The same network, trained on the judged lists alone,
stands beside it.
"""

import numpy as np

import plackett
from plackett import distillation
from plackett.data import RankingLists


def worth_of(features):
    """What documents are worth, which the grades show with noise."""
    return 2 * features[:, 0] * (features[:, 1] > 0) + features[:, 2]


def draw(queries, seed, *, judged=True):
    """Lists of 10 documents with 4 features, and grades of 0 to 2 where somebody judged them."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(queries * 10, 4))
    grades = np.digitize(worth_of(features) + 0.5 * random.normal(size=len(features)), [1, 2])
    query = np.repeat([f"{seed}/{i}" for i in range(queries)], 10)
    return RankingLists.from_arrays(features, grades if judged else None, query=query)


def teacher(lists):
    """Scores of any sign and scale: they are standardised in each list."""
    return 100 * worth_of(lists.features) - 1000


judged, validation, test, unjudged = draw(20, 1), draw(20, 2), draw(100, 3), draw(200, 4, judged=False)
settings = {"scorer_options": {"hidden": [32, 16]}, "learning_rate": 0.01, "batch_size": 16, "epochs": 10}

student = distillation.train(
    judged,
    teacher,
    validation,
    loss="coupled_rank_distil",
    loss_options={"sample_size": 8, "topk": 5},
    extra_lists=unjudged,
    **settings,
)
alone = plackett.train(judged, validation, loss="unique_softmax", **settings)

systems = {"teacher": teacher, "student": student.model, "alone": alone.model}
results = plackett.evaluate(systems, test, ["ndcg@5"])
print(plackett.compare(results, baseline="alone"))
ndcg = dict(zip(systems, results.means()[:, 0], strict=True))
