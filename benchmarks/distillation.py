"""Students on MQ2008 beside their teachers: NDCG@10 over the five folds of LETOR 4.0, and documents a second.

    python benchmarks/distillation.py OUTPUT --data FOLDER [--fold K]... [--seed N]... [--system NAME]...
    python benchmarks/distillation.py OUTPUT --data FOLDER --table
    python benchmarks/distillation.py OUTPUT --data FOLDER --speed

FOLDER holds S1.txt to S5.txt. Fold k trains on S_k, S_k+1, S_k+2, chooses the epoch on S_k+3 and tests on S_k+4,
cyclically. There are two teachers: LightGBM's lambdarank, stopped by the validation lists, and the mean of the
standardised scores of ten rankers of ours, wide perceptrons and self-attention. A student is a small perceptron. It
learns from the labels, from the scores of a teacher, or from both, half each. For the systems whose names begin with
`quarter` a quarter of the training lists, drawn by the number of the fold, have labels, for LightGBM too; those that
have `3x` learn from its scores on the other three quarters as well, whose grades are hidden. Those that have `longer`
stop after 15 epochs without a better one, not 5.

The teachers are kept in OUTPUT, and the scores of the validation and test documents, one file a fold, seed and system;
what is there is not trained again. `--table` measures them: NDCG@10 over all test queries, the mean over the seeds of
each query, and paired randomisation tests. `--speed` scores the lists of the five folds over and over, 100,000
documents at least, by teachers and students in turn.
"""

import argparse
import dataclasses
import functools
import pathlib
import time

import keras
import numpy as np
import plain
from mq2008 import folds
from rich.console import Console
from rich.table import Table

import plackett
from plackett.data import concatenate

METRIC = "ndcg@10"
TEACHERS = ("lightgbm", "ensemble")
MEMBERS = 10
WIDE = {"scorer": "mlp", "scorer_options": plain.NETWORK | {"hidden": [256, 128]}} | plain.TRAINING
ATTENTION = {"scorer": "self_attention"} | plain.TRAINING
SMALL = {"scorer": "mlp", "scorer_options": plain.NETWORK | {"hidden": [32]}}
STUDENT = SMALL | plain.TRAINING | {"batch_size": 128, "learning_rate": 0.004}
LABEL_LOSS, LOSS_OF_MEMBERS = "unique_softmax", "softmax"
TREES = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 50,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "metric": "ndcg",
    "eval_at": [10],
    "seed": 0,
    "deterministic": True,
    "num_threads": 1,
    "verbose": -1,
}
ROUNDS, PATIENCE = 1000, 50
RANKERS = {  # the teacher, and whether it sees a quarter of the labels
    "lightgbm": ("lightgbm", False),
    "ensemble": ("ensemble", False),
    "quarter, lightgbm": ("lightgbm", True),
}
PARTS = ("validation", "test")
DOCUMENTS, TURNS = 100_000, 3  # of the measurement of speed
LONGER = {"epochs": 150, "patience": 15}
SURE = {"teacher_temperature": 0.25}
OPTIONS = {  # of `plackett.distillation.train` for a loss
    "coupled_rank_distil": SURE,
    "list_net": SURE,
    "pairwise_mse": {},
    "margin_mse": {"loss_options": {"topk": 10}},
}


@dataclasses.dataclass(frozen=True)
class Student:
    """What a student learns from."""

    teacher: str | None = None
    loss: str | None = None
    labels: bool = False
    quarter: bool = False
    extra: bool = False
    longer: bool = False

    @property
    def name(self) -> str:
        """The name of the system."""
        learnt = f"{self.teacher}, {self.loss}" if self.teacher else "alone"
        told = {"labels": self.labels, "3x": self.extra, "longer": self.longer}
        ends = [word for word, holds in told.items() if holds]
        return ("quarter, " if self.quarter else "") + ", ".join([learnt, *ends])


def students() -> dict[str, Student]:
    """All of them by name."""
    some = [Student(), Student(longer=True), Student(quarter=True)]
    some += [Student("ensemble", "list_net", labels, longer=True) for labels in (False, True)]
    for loss in OPTIONS:
        some += [Student(teacher, loss, labels) for teacher in TEACHERS for labels in (False, True)]
        some += [Student("lightgbm", loss, quarter=True, extra=extra) for extra in (False, True)]
    return {student.name: student for student in some}


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
    """The lists of one fold, and the folder of its teachers."""

    number: int
    training: plackett.data.RankingLists
    validation: plackett.data.RankingLists
    test: plackett.data.RankingLists
    folder: pathlib.Path

    def parts(self):
        """(the quarter of the training lists that has labels, the others)."""
        order = np.random.default_rng(self.number).permutation(len(self.training))
        labelled, others = np.split(order, [len(order) // 4])
        return self.training[np.sort(labelled)], self.training[np.sort(others)]

    def labelled(self, quarter):
        """The training lists that have labels."""
        return self.parts()[0] if quarter else self.training


def train_trees(lists, validation, path):
    """A model file of LightGBM."""
    import lightgbm

    training = lightgbm.Dataset(lists.features, lists.labels, group=lists.lengths)
    held_out = training.create_valid(validation.features, validation.labels, group=validation.lengths)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    booster = lightgbm.train(TREES, training, ROUNDS, valid_sets=[held_out], callbacks=[stop])
    partial = path.with_suffix(".partial")
    booster.save_model(partial)
    partial.rename(path)


@functools.cache
def teacher_of(fold, name, quarter):
    """A teacher, whose rankers are trained unless they are there."""
    folder = fold.folder / ("quarter" if quarter else "all")
    folder.mkdir(parents=True, exist_ok=True)
    lists = fold.labelled(quarter)
    if name == "lightgbm":
        path = folder / "lightgbm.txt"
        if not path.exists():
            train_trees(lists, fold.validation, path)
        return plackett.distillation.Teacher(path)
    for seed in range(MEMBERS):
        scorer = WIDE if seed < MEMBERS // 2 else ATTENTION
        plackett.train(
            lists,
            fold.validation,
            loss=LOSS_OF_MEMBERS,
            metric=METRIC,
            seed=seed,
            output=folder / f"ranker {seed}",
            resume=True,
            **scorer,
        )
    return plackett.distillation.Teacher([folder / f"ranker {seed}" for seed in range(MEMBERS)])


def train_student(student, fold, seed):
    """(the trained student, seconds that the training took, those of the teacher left out)."""
    lists, validation = fold.labelled(student.quarter), fold.validation
    settings = STUDENT | {"metric": METRIC, "seed": seed} | (LONGER if student.longer else {})
    if student.teacher is None:
        begin = time.perf_counter()
        return plackett.train(lists, validation, loss=LABEL_LOSS, **settings), time.perf_counter() - begin
    teacher = teacher_of(fold, student.teacher, student.quarter)
    options = dict(OPTIONS[student.loss])
    if student.labels:
        options |= {"label_loss": LABEL_LOSS, "label_weight": 0.5}
    if student.extra:
        options["extra_lists"] = fold.parts()[1]
    cache = fold.folder / "scores"
    plackett.distillation.with_teacher(lists, teacher, cache=cache)
    begin = time.perf_counter()
    trained = plackett.distillation.train(
        lists, teacher, validation, loss=student.loss, cache=cache, **options, **settings
    )
    return trained, time.perf_counter() - begin


def scores_of(name, fold, seed):
    """What is kept of a system: its scores of validation and test documents; its epochs and seconds, if a student."""
    if name in RANKERS:
        teacher = teacher_of(fold, *RANKERS[name])
        return {part: teacher(getattr(fold, part)) for part in PARTS}
    trained, seconds = train_student(students()[name], fold, seed)
    scores = {part: plackett.score(trained.model, getattr(fold, part)) for part in PARTS}
    return scores | {"epochs": len(trained.history), "seconds": seconds}


def path_of(given, name, number, seed):
    """The file of a system's scores; there is one teacher a fold."""
    return given.output / "scores" / (f"{number} {name}.npz" if name in RANKERS else f"{number} {seed} {name}.npz")


def train_all(given, data):
    """Trains what is not in the output folder yet."""
    for seed in given.seed:
        for fold in data:
            for name in given.system:
                path = path_of(given, name, fold.number, seed)
                if path.exists():
                    continue
                begin = time.perf_counter()
                kept = scores_of(name, fold, seed)
                np.savez(path, **kept)
                value = plackett.evaluate_scores(kept["validation"], fold.validation, [METRIC])[METRIC]
                seconds = time.perf_counter() - begin
                print(f"{path.stem}: validation {METRIC} {value:.4f}, {seconds:.0f} s", flush=True)


def results_of(given, data, part):
    """(the results of each system that is there for all folds and one seed, its spread over seeds)."""
    lists = concatenate([getattr(fold, part) for fold in data])
    scores = {}
    for name in given.system:
        for seed in given.seed:
            paths = [path_of(given, name, fold.number, seed) for fold in data]
            if all(path.exists() for path in paths):
                scores[name, seed] = np.concatenate([np.load(path)[part] for path in paths])
    systems = {f"{seed} {name}": of for (name, seed), of in scores.items()}
    results = plackett.evaluation.evaluate(systems, lists, [METRIC])
    values = {}
    for name, seed in scores:
        values.setdefault(name, []).append(results.of(f"{seed} {name}", METRIC))
    spread = {name: np.std(np.mean(of, axis=1), ddof=1) if len(of) > 1 else None for name, of in values.items()}
    means = np.array([np.mean(of, axis=0) for of in values.values()])[:, None]
    return dataclasses.replace(results, systems=tuple(values), values=means), spread


def baselines_of(name):
    """What a system is compared with: the student alone, and its teacher."""
    quarter = "quarter, " if name.startswith("quarter, ") else ""
    rest = name.removeprefix("quarter, ")
    teacher = rest.partition(",")[0]
    return [f"{quarter}alone"] * (rest != "alone") + [f"{quarter}{teacher}"] * (teacher in TEACHERS and rest != teacher)


def show_table(given, data):
    """NDCG@10 of each system, and how it differs from the student alone and from its teacher."""
    results, spread = results_of(given, data, given.part)
    means = dict(zip(results.systems, results.means()[:, 0], strict=True))
    table = Table("system", METRIC, "over seeds", "to alone", "p", "to its teacher", "p", title=f"MQ2008, {given.part}")
    pairs = {}
    for baseline in {one for name in means for one in baselines_of(name)} & set(means):
        for pair in plackett.compare(results, baseline=baseline).pairs:
            pairs[pair.system, baseline] = f"{pair.difference:+.4f}", f"{pair.p_randomisation:.3f}"
    for name, value in means.items():
        told = [word for one in baselines_of(name) for word in pairs.get((name, one), ("", ""))]
        over = "" if spread[name] is None else f"{spread[name]:.4f}"
        table.add_row(name, f"{value:.4f}", over, *told)
    Console(width=120).print(table)


def show_speed(given, data):
    """Documents a second of both teachers and a student, in turn."""
    lists = concatenate([fold.test for fold in data])
    times = -(-DOCUMENTS // len(lists.labels))
    lists = lists[np.tile(np.arange(len(lists)), times)]
    fold = data[0]
    rankers = {name: teacher_of(fold, name, False) for name in TEACHERS}
    rankers["student"] = plackett.distillation.Teacher(train_student(Student(), fold, 0)[0].model)
    seconds = {name: [] for name in rankers}
    for turn in range(TURNS + 1):  # the first warms up
        for name, ranker in rankers.items():
            begin = time.perf_counter()
            ranker(lists)
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    speed = {name: np.quantile(len(lists.labels) / np.array(of), [0.5, 0.25, 0.75]) for name, of in seconds.items()}
    table = Table("ranker", "documents a second", "quartiles", "student's by", title=f"{len(lists.labels):,} documents")
    for name, (median, low, high) in speed.items():
        table.add_row(name, f"{median:,.0f}", f"{low:,.0f}..{high:,.0f}", f"{speed['student'][0] / median:.1f}")
    Console(width=120).print(table)
    print(f"{keras.backend.backend()}, keras {keras.__version__}, plackett {plackett.__version__}")


def main():
    """Trains, or prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--fold", type=int, action="append")
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--system", action="append", choices=[*RANKERS, *students()])
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--part", choices=PARTS, default="test", help="the documents of the table")
    parser.add_argument("--speed", action="store_true")
    given = parser.parse_args()
    given.seed = given.seed or [0, 1, 2]
    given.system = given.system or [*RANKERS, *students()]
    (given.output / "scores").mkdir(parents=True, exist_ok=True)
    data = [Fold(k, *lists, given.output / f"fold {k}") for k, lists in enumerate(folds(given.data), 1)]
    data = [fold for fold in data if not given.fold or fold.number in given.fold]
    (show_table if given.table else show_speed if given.speed else train_all)(given, data)


if __name__ == "__main__":
    main()
