"""Rankers from simulated clicks, measured on true labels: what each method of `plackett.clicks.train` recovers.

    python benchmarks/clicks.py OUTPUT --data FOLDER|movielens-100k [--fold K]... [--logger NAME]... [--user NAME]...
                                [--method NAME]...
    python benchmarks/clicks.py OUTPUT --data ... --table

FOLDER holds S1.txt to S5.txt of LETOR. Turn k trains on S_k, S_k+1, S_k+2, chooses the epoch on S_k+3 and tests on
S_k+4, cyclically; the training ratings of MovieLens are cut into as many folds by user. Clicks are simulated, on the
queries of training and validation, by a user that follows a click model, on lists of ten documents of a logging ranker.
`ceiling` is the same ranker trained on the true labels, by which it chooses its epoch too; all others see clicks alone.
`ipw, estimated` takes the propensities that the clicks of 10,000 further sessions, whose order was random, give.

The scores of the test documents are kept in OUTPUT, one file a turn, logger, user and method; what is there is not
trained again, so that several processes can share the work. `--table` measures them: NDCG@10 over all test queries, the
share of the gap between `naive` and `ceiling` that is closed, and the paired randomisation test against `naive`.
"""

import argparse
import pathlib
import time

import numpy as np
import plain
from rich.console import Console
from rich.table import Table

import plackett
from plackett.data import concatenate
from plackett.training._folds import cut, join, turn

METRIC = "ndcg@10"
SESSIONS, SHUFFLED, POSITIONS = 50_000, 10_000, 10
USERS = {  # options of `simulate`
    "pbm": {"model": "pbm", "eta": 1.0, "epsilon": 0.1},
    "cascade": {"model": "cascade", "epsilon": 0.1},
    "trust": {"model": "trust", "eta": 1.0},
    "dbn": {"model": "dbn", "epsilon": 0.1},
}
LOGGERS = ("good", "weak", "feature", "random")
METHODS = {  # the method of `plackett.clicks.train`, and its options
    "naive": ("naive", {}),
    "ipw, true": ("ipw", {}),
    "ipw, estimated": ("ipw", {"propensities": "estimated"}),
    "click_em": ("click_em", {}),
    "mixture_em, 2": ("mixture_em", {"scorer_options": {"models": 2}}),
    "mixture_em, 3": ("mixture_em", {"scorer_options": {"models": 3}}),
    "two_tower": ("two_tower", {}),
    "pbm": ("pbm", {}),
    "trust": ("trust", {}),
    "cascade": ("cascade", {}),
    "dbn": ("dbn", {}),
}
CEILING = "ceiling"
FEW = 5  # queries that the weak ranker is trained on


def folds_of(data):
    """(the lists, [queries] the fold of each from 1)."""
    if data == "movielens-100k":
        lists = plackett.data.movielens_100k()[0]
        return lists, cut(lists, 5, seed=0)
    return join([plackett.data.read_letor(pathlib.Path(data) / f"S{k}.txt") for k in range(1, 6)])


def training_of(lists):
    """The settings of what ranks: embeddings of ids where there are any, else a perceptron."""
    scorer = {"scorer": "embeddings"} if lists.ids else {"scorer": "mlp", "scorer_options": plain.NETWORK}
    return scorer | plain.TRAINING


def logging_scores(logger, training, lists, seed):
    """[documents], the scores of the logging ranker."""
    random = np.random.default_rng(seed)
    if logger == "random":
        return random.random(len(lists.labels))
    if logger == "feature":  # the one that ranks the training lists best among those of the first ten
        columns = range(min(10, training.features.shape[1]))
        best = max(columns, key=lambda i: plackett.evaluate_scores(training.features[:, i], training, [METRIC])[METRIC])
        return lists.features[:, best]
    if logger == "weak":
        some = np.flatnonzero(np.maximum.reduceat(training.labels, training.row_splits[:-1]) > 0)
        training = training[np.sort(random.permutation(some)[:FEW])]
        trained = plackett.train(training, training, seed=seed, **training_of(training) | {"epochs": 10})
    else:
        trained = plackett.train(training, seed=seed, **training_of(training))
    return plackett.score(trained.model, lists)


def log_of(user, logger, training, held_out, seed):
    """(the log, the examination that the shuffled sessions tell)."""
    lists = concatenate([training, held_out])
    scores = logging_scores(logger, training, lists, seed)
    options = USERS[user] | {"positions": POSITIONS, "seed": seed}
    log = plackett.clicks.simulate(lists, scores, sessions=SESSIONS, **options)
    order = np.zeros(len(scores))  # equal scores, which a temperature shuffles
    shuffled = plackett.clicks.simulate(
        lists, order, sessions=SHUFFLED, temperature=1.0, **options | {"seed": seed + 1}
    )
    return log, plackett.clicks.propensities.randomized(shuffled)


def scores_of(method, training, held_out, test, log, estimated, seed):
    """[test documents], and the epochs that were trained."""
    settings = {"seed": seed} | training_of(training)
    if method == CEILING:
        trained = plackett.train(training, held_out, loss="softmax", metric=METRIC, **settings)
    else:
        name, options = METHODS[method]
        options = {key: estimated if value == "estimated" else value for key, value in options.items()}
        scorer_options = settings.get("scorer_options", {}) | options.get("scorer_options", {})
        options = settings | options | {"scorer_options": scorer_options}
        trained = plackett.clicks.train(training, log, name, validation=held_out, **options)
    return plackett.score(trained.model, test), len(trained.history)


def path_of(given, number, logger, user, method):
    """The file of the scores; the ceiling sees no clicks, so that there is one a turn."""
    name = f"{number} {method}" if method == CEILING else f"{number} {logger} {user} {method}"
    return given.output / f"{name}.npz"


def train_all(given, lists, fold):
    """Trains what is not in the output folder yet."""
    for number in given.fold:
        training, held_out, test = (lists[places] for places in turn(fold, number))
        for logger in given.logger:
            for user in given.user:
                todo = [method for method in given.method if not path_of(given, number, logger, user, method).exists()]
                if user != "cascade" and "cascade" in todo:
                    todo.remove("cascade")  # it knows one click per session at most
                if not todo:
                    continue
                log, estimated = log_of(user, logger, training, held_out, seed=number)
                for method in todo:
                    path, begin = path_of(given, number, logger, user, method), time.perf_counter()
                    scores, epochs = scores_of(method, training, held_out, test, log, estimated, number)
                    value = plackett.evaluate_scores(scores, test, [METRIC])[METRIC]
                    seconds = time.perf_counter() - begin
                    np.savez(path, scores=scores, epochs=epochs, seconds=seconds, examination=estimated.examination)
                    print(f"{path.stem}: {value:.4f}, {epochs} epochs, {seconds:.0f} s", flush=True)


def rows_of_table(given, lists, fold):
    """(logger, user, method, NDCG@10, share of the gap, p against naive, seconds)."""
    tests = concatenate([lists[turn(fold, number).test] for number in given.fold])
    for logger in given.logger:
        for user in given.user:
            found = {}
            for method in given.method:
                paths = [path_of(given, number, logger, user, method) for number in given.fold]
                if all(path.exists() for path in paths):
                    found[method] = [np.load(path) for path in paths]
            if "naive" not in found or CEILING not in found:
                continue
            scores = {method: np.concatenate([each["scores"] for each in parts]) for method, parts in found.items()}
            results = plackett.evaluation.evaluate(scores, tests, [METRIC])
            comparison = plackett.compare(results, baseline="naive")
            means = {mean.system: mean.mean for mean in comparison.means}
            pairs = {pair.system: pair.p_randomisation for pair in comparison.pairs}
            gap = means[CEILING] - means["naive"]
            for method, parts in found.items():
                share = (means[method] - means["naive"]) / gap
                seconds = np.mean([each["seconds"] for each in parts])
                yield logger, user, method, means[method], share, pairs.get(method), seconds


def main():
    """Trains, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--fold", type=int, action="append")
    parser.add_argument("--logger", action="append", choices=LOGGERS)
    parser.add_argument("--user", action="append", choices=USERS)
    parser.add_argument("--method", action="append", choices=[*METHODS, CEILING])
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    given.fold = given.fold or [1, 2, 3, 4, 5]
    given.logger, given.user = given.logger or list(LOGGERS), given.user or list(USERS)
    given.method = given.method or [*METHODS, CEILING]
    lists, fold = folds_of(given.data)
    if not given.table:
        train_all(given, lists, fold)
        return
    table = Table("logger", "user", "method", METRIC, "of the gap", "p", "seconds")
    for logger, user, method, value, share, p, seconds in rows_of_table(given, lists, fold):
        told = "" if p is None else f"{p:.4f}"
        table.add_row(logger, user, method, f"{value:.4f}", f"{share:.2f}", told, f"{seconds:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
