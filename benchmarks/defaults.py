"""What plackett ranks like with no option at all, beside LightGBM and XGBoost: test NDCG@10 on MQ2008 and made sets.

    export KERAS_BACKEND=torch OMP_NUM_THREADS=1
    python benchmarks/defaults.py OUTPUT FOLDER [--data NAME]... [--system NAME]... [--seed N]... [--queries N]
                                  [--set-seed N] [--again]
    python benchmarks/defaults.py OUTPUT FOLDER [--data NAME]... [--queries N] [--set-seed N] --table [--page PAGE]

FOLDER holds S1.txt to S5.txt of MQ2008. Fold k trains on S_k, S_k+1, S_k+2, validates with S_k+3 and tests on S_k+4,
cyclically. The other sets are those of `generated_sets.py`, of N queries; small ones are drawn several times. Ours stop
by NDCG@10 on the validation lists, and so do trees that are tuned; trees with defaults have 100 rounds. No trees but
those that are bagged draw anything by the seed: they are trained once.

The NDCG@10 of each test query is kept in OUTPUT, one file a set, fold or draw, system and seed; what is there is not
trained again without --again, so that one system can be measured anew, and several processes can share the work.
`--table` prints Markdown: means over queries of the mean over seeds, intervals by the bootstrap over queries, and the
paired randomisation test beside each LightGBM. Seconds are those of the cores, of training one ranker with the best
epoch or tree found, data in memory. `--page` puts the tables in the place of those of a page.
"""

import argparse
import json
import pathlib
import re
import statistics
import time

import keras
import lightgbm
import numpy as np
import xgboost
from generated_sets import SETS, Parts, make
from mq2008 import PLAIN, folds

import plackett
from plackett import boosting
from plackett.data import Strings
from plackett.evaluation import Results

METRIC = "ndcg@10"
SEEDS, QUERIES = (0, 1, 2), 2_000
MQ2008 = "MQ2008"
DRAWS = {"small": 10, "small_long": 5}  # how often a set is made, that has few test queries
DEFAULT = "plackett"
OURS = {  # arguments of `plackett.train`
    DEFAULT: {},
    "plackett, ensemble of 3": {"ensemble": 3},
    "mlp, plain": PLAIN,
    "linear": {
        "scorer": "mlp",
        "scorer_options": {"hidden": [], "transform": "log1p"},
        "learning_rate": 0.01,
        "batch_size": 32,
        "epochs": 200,
        "patience": 10,
        "weight_average": 0.0,
    },
    "self_attention": {"scorer": "self_attention"},
}
TUNED = {"num_leaves": 31, "learning_rate": 0.05}
BAGGED = {"num_leaves": 15, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.8}
LIGHTGBM = {  # parameters, and whether the validation lists stop it
    "LightGBM": ({}, False),
    "LightGBM, tuned": (TUNED, True),
    "LightGBM, bagged": (TUNED | BAGGED, True),
}
LEAVES = {"max_leaves": 31, "max_depth": 0, "grow_policy": "lossguide", "learning_rate": 0.05}
XGBOOST = {"XGBoost": ({}, False), "XGBoost, tuned": (LEAVES, True)}
SYSTEMS = (*OURS, *LIGHTGBM, *XGBOOST)
DRAW = (*OURS, "LightGBM, bagged")  # something by the seed
RIVALS = ("LightGBM", "linear", "self_attention")  # of the goal on made sets
BASELINES = ("LightGBM", "LightGBM, tuned")
ROUNDS, MOST_ROUNDS, PATIENCE = 100, 1000, 50


def train_ours(settings: dict, parts: Parts, seed: int) -> tuple:
    """(the ranker, how many epochs it was trained)."""
    seed *= settings.get("ensemble", 1)  # no seed is in two ensembles
    trained = plackett.train(parts.training, parts.validation, metric=METRIC, seed=seed, **settings)
    return trained.model, len(trained.history)


def train_lightgbm(params: dict, stops: bool, parts: Parts, seed: int) -> tuple:
    """(the scores of test documents, how many trees give them)."""
    base = {"objective": "lambdarank", "metric": "None", "num_threads": 1, "deterministic": True, "verbosity": -1}
    training = lightgbm.Dataset(parts.training.features, parts.training.labels, group=parts.training.lengths)
    held_out = training.create_valid(parts.validation.features, parts.validation.labels, group=parts.validation.lengths)
    stop = {
        "valid_sets": [held_out],
        "feval": boosting.lightgbm_metric(METRIC),
        "callbacks": [lightgbm.early_stopping(PATIENCE, verbose=False)],
    }
    rounds, options = (MOST_ROUNDS, stop) if stops else (ROUNDS, {})
    model = lightgbm.train(base | params | {"seed": seed}, training, rounds, **options)
    return model, model.best_iteration if stops else rounds


def train_xgboost(params: dict, stops: bool, parts: Parts, seed: int) -> tuple:
    """(the booster, how many trees it has)."""
    training, held_out = (
        xgboost.DMatrix(lists.features, lists.labels, qid=np.repeat(np.arange(len(lists)), lists.lengths))
        for lists in (parts.training, parts.validation)
    )
    stop = {
        "evals": [(held_out, "validation")],
        "custom_metric": boosting.xgboost_metric(METRIC),
        "callbacks": [xgboost.callback.EarlyStopping(PATIENCE, maximize=True, save_best=True)],
        "verbose_eval": False,
    }
    base = {"objective": "rank:ndcg", "nthread": 1, "verbosity": 0, "disable_default_eval_metric": True, "seed": seed}
    model = xgboost.train(base | params, training, MOST_ROUNDS if stops else ROUNDS, **(stop if stops else {}))
    return model, model.num_boosted_rounds()


def train_one(system: str, parts: Parts, seed: int) -> dict:
    """What is kept of a system: NDCG@10 of each test query, the seconds of training, and how many epochs or trees."""
    begin = time.process_time()
    if system in OURS:
        model, length = train_ours(OURS[system], parts, seed)
    elif system in LIGHTGBM:
        model, length = train_lightgbm(*LIGHTGBM[system], parts, seed)
    else:
        model, length = train_xgboost(*XGBOOST[system], parts, seed)
    seconds = time.process_time() - begin
    found = plackett.evaluate({system: model}, parts.test, [METRIC])
    return {"values": found.of(system, METRIC).tolist(), "seconds": seconds, "length": length}


def parts_of(given: argparse.Namespace, data: str) -> list[Parts]:
    """The folds of MQ2008, or the draws of a made set."""
    if data == MQ2008:
        return [Parts(*fold) for fold in folds(given.folder)]
    first = given.set_seed
    return [make(data, queries=given.queries, seed=seed) for seed in range(first, first + DRAWS.get(data, 1))]


def path_of(given, data, number, system, seed):
    """The file of one fold or draw, system and seed."""
    size = "" if data == MQ2008 or data in DRAWS else f" {given.queries}"
    draw = "" if data == MQ2008 or not given.set_seed else f" from {given.set_seed}"
    return given.output / f"{data}{size}{draw}, {number}, {system}, {seed}.json"


def seeds_of(given, system):
    """The seeds that a system is trained with."""
    return given.seed if system in DRAW else given.seed[:1]


def train_all(given: argparse.Namespace) -> None:
    """Trains what is not in the output folder yet."""
    for data in given.data:
        for number, parts in enumerate(parts_of(given, data), 1):
            for system in given.system:
                for seed in seeds_of(given, system):
                    path = path_of(given, data, number, system, seed)
                    if path.exists() and not given.again:
                        continue
                    kept = train_one(system, parts, seed)
                    path.write_text(json.dumps(kept))
                    value, seconds = statistics.mean(kept["values"]), kept["seconds"]
                    print(f"{path.stem}: {value:.4f}, {kept['length']} long, {seconds:.1f} s", flush=True)


def results_of(given: argparse.Namespace, data: str) -> tuple[Results, dict] | None:
    """(the mean over seeds of each query, of each system that is all there; its spread, length and seconds).

    None = none is.
    """
    numbers = range(1, 1 + (5 if data == MQ2008 else DRAWS.get(data, 1)))
    values, facts = {}, {}
    for system in given.system:
        paths = [[path_of(given, data, k, system, seed) for k in numbers] for seed in seeds_of(given, system)]
        if not all(path.exists() for turn in paths for path in turn):
            print(f"{data}: {system} is not there")
            continue
        kept = [[json.loads(path.read_text()) for path in turn] for turn in paths]
        of_seeds = np.array([np.concatenate([one["values"] for one in turn]) for turn in kept])
        spread = of_seeds.mean(axis=1).std(ddof=1) if len(kept) > 1 else None
        rest = (statistics.mean(one[what] for turn in kept for one in turn) for what in ("length", "seconds"))
        values[system], facts[system] = of_seeds.mean(axis=0), (spread, *rest)
    if not values:
        return None
    stacked = np.array(list(values.values()))[:, None]
    queries = Strings.of([str(number) for number in range(stacked.shape[-1])])
    return Results(tuple(values), (METRIC,), (METRIC,), (False,), queries, stacked, {}), facts


def table_of(results: Results, facts: dict) -> str:
    """One set: each system, and how it differs from each LightGBM."""
    baselines = [name for name in BASELINES if name in results.systems]
    compared = {name: plackett.compare(results, baseline=name) for name in baselines}
    pairs = {(pair.system, name): pair for name, found in compared.items() for pair in found.pairs}
    rows = []
    for mean in plackett.compare(results).means:
        spread, length, seconds = facts[mean.system]
        told = [beside(pairs.get((mean.system, name))) for name in baselines]
        over = "" if spread is None else f"{spread:.4f}"
        cells = f"{mean.mean:.4f}", f"{mean.low:.4f} to {mean.high:.4f}", over, *told, f"{length:.0f}", f"{seconds:.1f}"
        rows.append((mean.system, *cells))
    less = [f"less {name}" for name in baselines]
    return markdown(("system", "NDCG@10", "95 %", "over seeds", *less, "epochs or trees", "core's s"), rows)


def beside(pair):
    """A difference with its interval and its test; "" where there is none."""
    if pair is None:
        return ""
    return f"{pair.difference:+.4f} ({pair.low:+.4f} to {pair.high:+.4f}), p {pair.p_randomisation:.4f}"


def overview_of(found: dict[str, Results], systems: list[str]) -> str:
    """All sets: the mean of each system, and by how much the default is above the best of the goal's rivals."""
    means = {data: dict(zip(results.systems, results.means()[:, 0], strict=True)) for data, results in found.items()}
    rows = [(one, *(f"{of[one]:.4f}" if one in of else "" for of in means.values())) for one in systems]
    above = []
    for of in means.values():
        rivals = [of[name] for name in RIVALS if name in of]
        above.append(f"{of[DEFAULT] - max(rivals):+.4f}" if DEFAULT in of and rivals else "")
    return markdown(("NDCG@10", *means), [*rows, (f"{DEFAULT} less the best of {', '.join(RIVALS)}", *above)])


def markdown(columns, rows):
    """A table."""
    ruler = [" --- "] * len(columns)
    lines = [[f" {cell} " for cell in row] for row in (columns, *rows)]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in (lines[0], ruler, *lines[1:]))


def show_tables(given: argparse.Namespace) -> None:
    """Prints the tables, and puts them into the page."""
    measured = {data: found for data in given.data if (found := results_of(given, data))}
    tables = {data: table_of(*both) for data, both in measured.items()}
    overview = overview_of({data: results for data, (results, _) in measured.items()}, given.system)
    tables = {"overview": overview} | tables
    for name, made in tables.items():
        print(f"\n{name}\n\n{made}")
    backend = f"{keras.backend.backend()}, keras {keras.__version__}"
    print(f"\n{backend}, lightgbm {lightgbm.__version__}, xgboost {xgboost.__version__}")
    if given.page is not None:
        text = given.page.read_text()
        for name, made in tables.items():
            text, changed = re.subn(f"(?s)(<!-- {name} -->).*?(<!-- end -->)", rf"\g<1>\n\n{made}\n\n\g<2>", text)
            if changed != 1:
                raise SystemExit(f"{given.page} has no place for the table: <!-- {name} --> <!-- end -->")
        given.page.write_text(text)


def main():
    """Trains, or prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--data", action="append", choices=[MQ2008, *SETS])
    parser.add_argument("--system", action="append", choices=SYSTEMS)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--queries", type=int, default=QUERIES, help="of a made set, all in all")
    parser.add_argument("--set-seed", type=int, default=0, help="the seed of a made set; of several the first")
    parser.add_argument("--again", action="store_true", help="train though results are kept")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--page", type=pathlib.Path, help="the page whose tables are replaced")
    given = parser.parse_args()
    given.data = given.data or [MQ2008, *SETS]
    given.system = given.system or list(SYSTEMS)
    given.seed = given.seed or list(SEEDS)
    given.output.mkdir(parents=True, exist_ok=True)
    (show_tables if given.table else train_all)(given)


if __name__ == "__main__":
    main()
