"""Test NDCG@10 on MQ2008 for each loss of lists, over the five folds of LETOR 4.0.

    python benchmarks/mq2008.py FOLDER [--run NAME]... [--seeds N]

FOLDER holds S1.txt to S5.txt. Fold k trains on S_k, S_k+1, S_k+2, chooses the epoch on S_k+3 and tests on S_k+4,
cyclically. A query without relevant documents counts 0. Every run has the settings `PLAIN` and the options in `RUNS`,
so that losses alone differ, and no number is of a default that changes; losses of clicks are given clicks: whether the
grade is above 0. Each number is the mean over the seeds 0 to N - 1; the spread is the standard deviation, over folds of
those means and over seeds of the means over folds.
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import plain
from rich.console import Console
from rich.table import Table

import plackett

PLAIN = {"scorer": "mlp", "scorer_options": plain.NETWORK} | plain.TRAINING
NDCG_AT_10 = {"NDCGLambdaWeightV2": {"topn": 10}}
RUNS = {
    "random": {},
    "softmax": {},
    "unique_softmax": {},
    "calibrated_softmax": {"virtual_label": 1.0},
    "poly_one_softmax": {},
    "list_mle": {},
    "list_mle, position-aware": {"lambda_weight": "ListMLELambdaWeight"},
    "pairwise_logistic": {},
    "pairwise_logistic, NDCG@10 weight": {"lambda_weight": NDCG_AT_10},
    "pairwise_hinge": {},
    "pairwise_soft_zero_one": {},
    "pairwise_mse": {},
    "yeti_logistic": {},
    "approx_ndcg": {},
    "gumbel_approx_ndcg": {},
    "approx_mrr": {},
    "neural_sort_ndcg": {},
    "neural_sort_ndcg, sampled": {"sample_size": 8},
    "coupled_rank_distil": {},
    "sigmoid_cross_entropy": {},
    "mean_squared": {},
    "ordinal": {"ordinal_size": 2},
    "circle": {},
    "mixture_em": {},
    "click_em": {},
}
CLICKS = ("mixture_em", "click_em", "sigmoid_cross_entropy")
METRIC = "ndcg@10"


def folds(folder: pathlib.Path):
    """(training, validation, test) lists of each fold."""
    parts = [plackett.data.read_letor(folder / f"S{k}.txt") for k in range(1, 6)]
    for k in range(5):
        turned = parts[k:] + parts[:k]
        yield plackett.data.concatenate(turned[:3]), turned[3], turned[4]


def test_value(run: str, training, validation, test, seed: int) -> float:
    """Test NDCG@10 of the epoch that is best on the validation lists; of a random order for `random`."""
    loss = run.partition(",")[0]
    if loss == "random":
        order = np.random.default_rng(seed).random(len(test.labels))
        return plackett.evaluate_scores(order, test, [METRIC])[METRIC]
    if loss in CLICKS:
        training = dataclasses.replace(training, labels=np.minimum(training.labels, 1))
    options = {"loss": loss, "loss_options": RUNS[run], "metric": METRIC, "seed": seed}
    trained = plackett.train(training, validation, **PLAIN, **options)
    return plackett.evaluate(trained.model, test, [METRIC])[METRIC]


def main():
    """Trains and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--run", action="append", choices=list(RUNS), help="these runs only")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    columns = ("loss", "mean", "over folds", "over seeds", *(f"fold {k}" for k in range(1, 6)))
    table = Table(*columns, title=f"MQ2008, test NDCG@10, {given.seeds} seeds")
    data = list(folds(given.folder))
    for run in given.run or RUNS:
        values = np.array([[test_value(run, *fold, seed) for fold in data] for seed in range(given.seeds)])
        spread = values.mean(axis=0).std(ddof=1), values.mean(axis=1).std(ddof=1)
        table.add_row(run, *(f"{number:.4f}" for number in (values.mean(), *spread, *values.mean(axis=0))))
        Console().print(f"{run}: {values.mean():.4f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
