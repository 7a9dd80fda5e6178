"""Losses of plackett as objectives of LightGBM and XGBoost, beside the libraries' own: what they rank, what they cost.

    python benchmarks/boosting.py study OUTPUT FOLDER [--library NAME]... [--objective NAME]... [--table]
    python benchmarks/boosting.py cost [--objective NAME]... [--backend NAME]... [--rounds N] [--documents N]

`study`: FOLDER holds S1.txt to S5.txt of LETOR. Turn k trains on S_k, S_k+1, S_k+2, stops on S_k+3 and tests on S_k+4,
cyclically, with three seeds of the bags of documents and features, and of the noise of a loss. All objectives of a
library grow the same trees and stop by the same metric. The learning rate of each, the libraries' own too, is the one
of `RATES` that is best on the validation lists, over all turns with the first seed. The scores of the test documents
are kept in OUTPUT, one file a turn, objective, rate and seed; what is there is not trained again, so that several
processes can share the work. `--table` prints the mean of NDCG@10 over seeds and queries, and the paired randomisation
tests of that mean over seeds, query by query.

`cost`: a boosting round of LightGBM on made-up documents in lists of 100, 136 features, trees of 255 leaves, 2 threads.
Each objective has a process of its own, `boosting_worker.py`; all take turns, lambdarank among them. A time is the
mean of the rounds after two warm ones; cores' seconds are those of all threads; memory is the peak of the resident set.
A ratio is that to lambdarank in the same turn.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from training import QUIET

METRIC = "ndcg@10"
SEEDS, TURNS = (0, 1, 2), (1, 2, 3, 4, 5)
RATES = (0.03, 0.1, 0.3, 1.0)
ROUNDS, PATIENCE = 500, 50
OURS = {  # the arguments of `plackett.losses.get`
    "softmax": ("softmax", {}),
    "unique_softmax": ("unique_softmax", {}),
    "gumbel_approx_ndcg": ("gumbel_approx_ndcg", {}),
    "yeti_logistic": ("yeti_logistic", {}),
    "pairwise_logistic, LambdaRank": (
        "pairwise_logistic",
        {"lambda_weight": {"NDCGLambdaWeight": {"smooth_fraction": 1.0}}},
    ),
    "pairwise_logistic, LambdaLoss": ("pairwise_logistic", {"lambda_weight": "NDCGLambdaWeight"}),
}
THEIRS = {
    "lightgbm": {"lambdarank": {"objective": "lambdarank"}, "rank_xendcg": {"objective": "rank_xendcg"}},
    "xgboost": {
        "rank:ndcg": {"objective": "rank:ndcg"},
        "rank:ndcg, mean": {"objective": "rank:ndcg", "lambdarank_pair_method": "mean"},
    },
}
TREES = {
    "lightgbm": {
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.8,
        "deterministic": True,
        "num_threads": 1,
        "verbosity": -1,
        "metric": "None",
    },
    "xgboost": {
        "max_leaves": 15,
        "max_depth": 0,
        "grow_policy": "lossguide",
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "nthread": 1,
        "verbosity": 0,
        "disable_default_eval_metric": True,
    },
}
BASELINE = "lambdarank"
BACKENDS = ("jax", "tensorflow", "torch")
GOAL, GOAL_OF_MEMORY = 1.5, 2.0
COLUMNS = ("first rounds, s", "a round, s", "ratio", "cores' s", "ratio", "peak MB", "ratio")
MEASURED = ("first", "seconds", "cores", "bytes")


def train_lightgbm(objective, rate, seed, training, held_out, test):
    """([test documents], the metric of the validation lists, the number of trees)."""
    import lightgbm

    from plackett import boosting

    own = THEIRS["lightgbm"].get(objective)
    params = TREES["lightgbm"] | {"learning_rate": rate, "seed": seed}
    params |= own or {"objective": boosting.lightgbm_objective(loss_of(objective, seed))}
    data = lightgbm.Dataset(training.features, training.labels, group=sizes_of(training), free_raw_data=False)
    stop_by = data.create_valid(held_out.features, held_out.labels, group=sizes_of(held_out))
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    feval = boosting.lightgbm_metric(METRIC)
    model = lightgbm.train(params, data, ROUNDS, valid_sets=[stop_by], feval=feval, callbacks=[stop])
    (value,) = model.best_score["valid_0"].values()
    return model.predict(test.features), value, model.best_iteration


def train_xgboost(objective, rate, seed, training, held_out, test):
    """([test documents], the metric of the validation lists, the number of trees)."""
    import xgboost

    from plackett import boosting

    params = TREES["xgboost"] | {"learning_rate": rate, "seed": seed} | THEIRS["xgboost"].get(objective, {})
    own = objective in THEIRS["xgboost"]
    data, stop_by = (
        xgboost.DMatrix(lists.features, lists.labels, qid=np.repeat(np.arange(len(lists)), sizes_of(lists)))
        for lists in (training, held_out)
    )
    stop = xgboost.callback.EarlyStopping(PATIENCE, maximize=True, save_best=True)
    model = xgboost.train(
        params,
        data,
        ROUNDS,
        evals=[(stop_by, "validation")],
        obj=None if own else boosting.xgboost_objective(loss_of(objective, seed)),
        custom_metric=boosting.xgboost_metric(METRIC),
        callbacks=[stop],
        verbose_eval=False,
    )
    scores = model.predict(xgboost.DMatrix(test.features), output_margin=True)
    return scores, float(model.best_score), model.best_iteration + 1


TRAIN = {"lightgbm": train_lightgbm, "xgboost": train_xgboost}


def loss_of(objective, seed):
    """The loss, of this seed where it draws noise."""
    from plackett import losses

    name, options = OURS[objective]
    loss = losses.get(name, **options)
    return loss if loss.sample_size is None else losses.get(name, **options, seed=seed)


def sizes_of(lists):
    """[queries], how many documents each has."""
    return np.diff(lists.row_splits)


def folds_of(folder):
    """(the lists, [queries] the fold of each from 1)."""
    import plackett
    from plackett.training._folds import join

    return join([plackett.data.read_letor(folder / f"S{k}.txt") for k in TURNS])


def train_once(given, lists, fold, library, objective, rate, seed):
    """Trains the turns that are not in the output folder yet; gives the mean metric of their validation lists."""
    from plackett.training._folds import turn

    values = []
    for number in TURNS:
        path = path_of(given, library, objective, rate, seed, number)
        if not path.exists():
            parts, begin = [lists[places] for places in turn(fold, number)], time.perf_counter()
            scores, value, trees = TRAIN[library](objective, rate, seed, *parts)
            np.savez(path, scores=scores, value=value, trees=trees)
            print(f"{path.stem}: {value:.4f}, {trees} trees, {time.perf_counter() - begin:.1f} s", flush=True)
        with np.load(path) as kept:
            values.append(float(kept["value"]))
    return statistics.mean(values)


def path_of(given, library, objective, rate, seed, number):
    """The file of the scores of one turn."""
    return given.output / f"{library} {objective.replace(':', ' ')} {rate} {seed} {number}.npz"


def best_rate(given, lists, fold, library, objective):
    """The learning rate that is best on the validation lists with the first seed."""
    return max(RATES, key=lambda rate: train_once(given, lists, fold, library, objective, rate, SEEDS[0]))


def train_all(given):
    """Trains what is not in the output folder yet."""
    lists, fold = folds_of(given.folder)
    for library in given.library:
        for objective in [*THEIRS[library], *OURS]:
            if given.objective and objective not in given.objective:
                continue
            rate = best_rate(given, lists, fold, library, objective)
            for seed in SEEDS:
                train_once(given, lists, fold, library, objective, rate, seed)


def results_of(given, lists, fold, library):
    """(the test metric of each objective, the mean over seeds of each query; rate and trees of each objective)."""
    from plackett.data import concatenate
    from plackett.evaluation import Results, evaluate
    from plackett.training._folds import turn

    tests = concatenate([lists[turn(fold, number).test] for number in TURNS])
    systems, facts = {}, {}
    for objective in [*THEIRS[library], *OURS]:
        rate = best_rate(given, lists, fold, library, objective)
        kept = [[np.load(path_of(given, library, objective, rate, seed, k)) for k in TURNS] for seed in SEEDS]
        facts[objective] = rate, statistics.mean(int(each["trees"]) for turns in kept for each in turns)
        for seed, turns in zip(SEEDS, kept, strict=True):
            systems[f"{objective} {seed}"] = np.concatenate([each["scores"] for each in turns])
    found = evaluate(systems, tests, [METRIC])
    values = found.values.reshape(len(facts), len(SEEDS), *found.values.shape[1:])
    spread = values.mean(axis=-1)[..., 0].std(axis=1)
    facts = {name: (*fact, spread) for (name, fact), spread in zip(facts.items(), spread, strict=True)}
    shared = found.metrics, found.stated, found.less_is_better, found.queries
    return Results(tuple(facts), *shared, values.mean(axis=1), found.facts), facts


def print_study(given):
    """The table of each library, each objective beside each of the library's own."""
    import plackett

    lists, fold = folds_of(given.folder)
    for library in given.library:
        results, facts = results_of(given, lists, fold, library)
        pairs = {
            (pair.system, own): pair
            for own in THEIRS[library]
            for pair in plackett.compare(results, baseline=own).pairs
        }
        table = Table("objective", "rate", "trees", METRIC, "over seeds", *(f"p, {own}" for own in THEIRS[library]))
        for objective, (rate, trees, spread) in facts.items():
            tests = [pairs.get((objective, own)) for own in THEIRS[library]]
            told = [
                "" if pair is None else f"{pair.difference:+.4f}, {pair.p_randomisation:.4f} ({pair.p_holm:.4f})"
                for pair in tests
            ]
            value = results.of(objective, METRIC).mean()
            table.add_row(objective, f"{rate}", f"{trees:.0f}", f"{value:.4f}", f"{spread:.4f}", *told)
        Console(width=160).print(library, table)


def measure(objective, backend, documents):
    """What `boosting_worker.py` prints."""
    told = json.dumps(OURS[objective]) if objective in OURS else objective
    command = [sys.executable, pathlib.Path(__file__).with_name("boosting_worker.py"), told, str(documents)]
    environment = os.environ | QUIET | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    results = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('{"first"')]
    if not results:
        raise RuntimeError(f"{objective}, {backend}: {done.stderr[-2000:]}")
    print(f"{objective}, {backend}: {results[0]['seconds']:.2f} s a round", file=sys.stderr, flush=True)
    return results[0]


def measure_all(given):
    """(objective, backend) -> what each turn measured; lambdarank needs no backend."""
    objectives = given.objective or [*OURS]
    runs = [(BASELINE, ""), *((objective, backend) for backend in given.backend for objective in objectives)]
    measured = {run: [] for run in runs}
    for _ in range(given.rounds):
        for objective, backend in runs:
            measured[objective, backend].append(measure(objective, backend or BACKENDS[-1], given.documents))
    return measured


def print_cost(given):
    """The table of times and memory, and what of the goals is met."""
    measured = measure_all(given)
    table = Table("objective", "backend", *COLUMNS)
    met = []
    for (objective, backend), turns in measured.items():

        def ratio(what, turns=turns):
            pairs = zip(turns, measured[BASELINE, ""], strict=True)
            return statistics.median(turn[what] / lambdarank[what] for turn, lambdarank in pairs)

        first, seconds, cores, peak = (statistics.median(turn[what] for turn in turns) for what in MEASURED)
        times, of_cores, memory = (ratio(what) for what in MEASURED[1:])
        met.append(times <= GOAL and memory < GOAL_OF_MEMORY)
        cells = f"{first:.1f}", f"{seconds:.2f}", f"{times:.2f}", f"{cores:.2f}", f"{of_cores:.2f}"
        table.add_row(objective, backend, *cells, f"{peak / 2**20:,.0f}", f"{memory:.2f}")
    Console(width=120).print(table)
    goals = f"{GOAL} of the time and {GOAL_OF_MEMORY} of the memory of lambdarank"
    print(f"- the goals, {goals}, are met in {sum(met[1:])} of {len(met) - 1} rows")
    print(f"- {given.documents:,} documents, {given.rounds} turns; {measured[BASELINE, ''][0]['versions']}")


def main():
    """Trains, measures or prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    study, cost = parts.add_parser("study"), parts.add_parser("cost")
    study.add_argument("output", type=pathlib.Path)
    study.add_argument("folder", type=pathlib.Path)
    study.add_argument("--library", action="append", choices=TRAIN)
    study.add_argument("--objective", action="append")
    study.add_argument("--table", action="store_true")
    cost.add_argument("--objective", action="append", choices=OURS)
    cost.add_argument("--backend", action="append", choices=BACKENDS)
    cost.add_argument("--rounds", type=int, default=1, help="turns of all objectives")
    cost.add_argument("--documents", type=int, default=1_000_000)
    given = parser.parse_args()
    if given.part == "study":
        given.output.mkdir(parents=True, exist_ok=True)
        given.library = given.library or list(TRAIN)
        (print_study if given.table else train_all)(given)
    else:
        given.backend = given.backend or list(BACKENDS)
        print_cost(given)


if __name__ == "__main__":
    main()
