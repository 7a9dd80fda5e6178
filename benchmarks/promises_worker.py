"""Runs the cases of `promises.py` in one library, in this process and environment; prints one line of JSON.

    KERAS_BACKEND=BACKEND python benchmarks/promises_worker.py LIBRARY

A case answers with words, and with the numbers that they are made of. What the library lacks answers "no such thing";
what raises answers with the exception.
"""

import argparse
import importlib.metadata
import json
import warnings

import numpy as np
from promises_embeddings import EMBEDDINGS, embedding_rows
from promises_frameworks import FRAMEWORKS
from promises_losses import LIBRARIES, Library
from promises_words import CLOSE, difference, nearness, nonfinite, plain, times, value_in_words, wrong

PACKAGES = {
    "plackett": ("keras", "jax", "tensorflow-cpu", "torch"),
    "TF-Ranking": ("tensorflow-ranking", "tensorflow-cpu"),
    "TF-Addons": ("tensorflow-addons", "tensorflow-cpu"),
    "rax": ("rax", "jax"),
    "keras-rs": ("keras-rs", "keras", "jax"),
    "allRank": ("allRank", "torch"),
    "sentence-transformers": ("sentence-transformers", "torch"),
    "pytorch-metric-learning": ("pytorch-metric-learning", "torch"),
}
KINDS = ("softmax", "pairwise", "approx_ndcg", "list_mle", "distillation")
LABELS = np.float32([[2, 0, 1, 4, 3], [0, 3, 1, 2, 4]])
TEACHER = (
    11  # a teacher's scores are so far apart that Gumbel noise changes no order, and within TF-Ranking's floor of -46
)
# Multiples of 1/256, so that they are exact beside 10,000 too, and apart, so that no small step changes a ranking.
SCORES = np.float32([[77, -192, 333, 26, -109], [-461, 115, 250, -51, 371]]) / np.float32(256)
NONE, CHANCE = "no such thing", "by chance"


class Cases:
    """All cases of one library; a method is a table, and yields (row, function without arguments)."""

    def __init__(self, library, framework):
        self.library, self.framework = library, framework

    def run(self, kind, labels, scores, dtype="float32"):
        """(loss, gradient) as numpy, in float64."""
        _, loss = self.library.losses[kind]
        labels = np.float32(labels) * (TEACHER if kind == "distillation" else 1)
        labels = np.where(labels < 0, np.float32(-1), labels)
        return self.framework.gradient(lambda scores: loss(labels, scores), np.asarray(scores), dtype)

    def rows(self, case, kinds=KINDS):
        """(row, function) of each kind of loss."""
        for kind in kinds:
            yield kind, (lambda kind=kind: case(kind)) if kind in self.library.losses else None

    def padding(self):
        for name, garbage in (("1e3", 1e3), ("NaN", np.nan)):
            for kind, case in self.rows(lambda kind, garbage=garbage: self.pad(kind, garbage)):
                padded = case if self.library.padded else case and (lambda: ("no padded slots", None))
                yield f"{kind}, {name}", padded

    def pad(self, kind, garbage):
        labels = np.pad(LABELS, ((0, 0), (0, 3)), constant_values=-1)
        scores = np.pad(SCORES, ((0, 0), (0, 3)), constant_values=np.float32(garbage))
        value, gradient = self.run(kind, labels, scores)
        return difference(self.run(kind, LABELS, SCORES), (value, gradient[:, :5]), gradient[:, 5:])

    def order(self):
        yield from self.rows(lambda kind: self.permute(kind, LABELS, SCORES))
        tied = np.float32([[2, 0, 0, 1, 1], [0, 3, 0, 2, 2]])
        of = self.library.losses
        yield "list_mle, equal labels", ("list_mle" in of or None) and (lambda: self.permute("list_mle", tied, SCORES))
        same = np.zeros_like(SCORES)
        yield "pairwise, equal scores", ("pairwise" in of or None) and (lambda: self.permute("pairwise", LABELS, same))

    def permute(self, kind, labels, scores):
        order = np.array([4, 2, 3, 0, 1])  # no two equal labels stay in their order
        if self.draws(kind, labels, scores):
            return CHANCE, None
        value, gradient = self.run(kind, labels[:, order], scores[:, order])
        return difference(self.run(kind, labels, scores), (value, gradient[:, np.argsort(order)]))

    def draws(self, kind, labels, scores):
        """Whether calls with the same lists differ."""
        found = [np.append(*reversed(self.run(kind, labels, scores))) for _ in range(5)]
        return np.ptp(found, axis=0).max() > 1e-6

    def shift(self):
        for constant in (1e4, -1e4):

            def case(kind, constant=constant):
                shifted = SCORES + np.float32(constant)
                return difference(self.run(kind, LABELS, SCORES), self.run(kind, LABELS, shifted))

            yield from ((f"{kind}, {constant:+,.0f}", each) for kind, each in self.rows(case))

    def gaps(self):
        kinds = [kind for kind in KINDS if kind != "approx_ndcg"]
        for sign, where in ((-1, "below"), (1, "above")):
            for kind, case in self.rows(lambda kind, sign=sign: self.gap(kind, 200.0 * sign, 2.0 * sign), kinds):
                yield f"{kind}, {where}", case

    def gap(self, kind, far, near):
        """Two documents, the first relevant, against the loss of the gap in float64, scaled as the library is."""
        labels = np.float32([[1, 0]])
        easy, _ = self.run(kind, labels, np.float32([[near, 0]]))
        value, gradient = self.run(kind, labels, np.float32([[far, 0]]))
        target = self.library.targets.get(kind, lambda labels: labels)(np.float64([1, 0]))
        one, _ = true_loss(target, near)
        scale = easy / one
        right, slope = (scale * x for x in true_loss(target, far))
        numbers = {"value": value, "right": right, "slope": gradient[0, 0], "right slope": slope}
        words = wrong("", value, right, scale) or "right"
        by_slope = wrong("gradient ", gradient[0, 0], slope, scale)
        return ", ".join(x for x in (words, by_slope) if x and (x != "right" or not by_slope)), numbers

    def half(self):
        rng = np.random.default_rng(1)
        labels, scores = np.float32([rng.permutation(300) % 5]), rng.normal(size=(1, 300))
        labels_of = {"list_mle": np.float32([rng.permutation(300)])}
        for dtype in ("float16", "bfloat16"):

            def case(kind, dtype=dtype):
                given = self.framework.rounded(scores, dtype)
                few = kind == "distillation"  # a teacher of many documents is beyond TF-Ranking's floor
                of, s = (LABELS, SCORES) if few else (labels_of.get(kind, labels), given)
                return difference(self.run(kind, of, s), self.run(kind, of, s, dtype), close=HALF[dtype])

            for kind, each in self.rows(case):
                yield f"{kind}, {dtype}", each

    def large(self):
        """float16 scores about 10,000, three of which differ."""
        scores = np.float32([[1e4, 1e4 - 8, 1e4 + 8, 1e4, 1e4 + 16]])

        def case(kind):
            numbers = (
                self.run(kind, LABELS[:1], scores - np.float32(1e4)),
                self.run(kind, LABELS[:1], scores, "float16"),
            )
            return difference(*numbers, close=HALF["float16"])

        yield from self.rows(case)

    def empty(self):
        def case(kind, labels):
            alone, _ = self.run(kind, LABELS, SCORES)
            lists = np.vstack([LABELS, labels]), np.vstack([SCORES, SCORES[:1]])
            value, gradient = self.run(kind, *lists)
            finite = np.isfinite(value) and np.isfinite(gradient).all()
            numbers = {"alone": alone, "with": value, "finite": bool(finite)}
            if not finite:
                return " and ".join(nonfinite(value, gradient)), numbers
            if self.draws(kind, *lists):
                return f"finite, {CHANCE}", None
            return times(value / alone), numbers

        yield from ((f"{k}, no document", c) for k, c in self.rows(lambda kind: case(kind, np.float32([[-1] * 5]))))
        yield from ((f"{k}, no relevant one", c) for k, c in self.rows(lambda kind: case(kind, np.float32([[0] * 5]))))

    def gradients(self):
        def case(kind):
            _, gradient = self.run(kind, LABELS, SCORES)
            return nearness(gradient, self.finite_differences(lambda s: self.run(kind, LABELS, s)[0], 4e-3), 2e-2)

        yield from ((f"{kind}, first", each) for kind, each in self.rows(case))

        def second(kind):
            labels = np.float32(LABELS) * (TEACHER if kind == "distillation" else 1)
            direction = np.float32(np.random.default_rng(2).normal(size=SCORES.shape))
            loss = self.library.losses[kind][1]
            product = self.framework.hessian_product(lambda s: loss(labels, s), SCORES, direction)
            step = np.float32(2e-3)
            ahead, behind = (self.run(kind, LABELS, SCORES + sign * step * direction)[1] for sign in (1, -1))
            return nearness(product, (ahead - behind) / (2 * step), 2e-2)

        yield from ((f"{kind}, second", each) for kind, each in self.rows(second))

    def finite_differences(self, function, step):
        """The gradient of a function of SCORES, by central differences."""
        found = np.zeros(SCORES.shape)
        for place in np.ndindex(*SCORES.shape):
            moved = np.zeros_like(SCORES)
            moved[place] = step
            found[place] = (function(SCORES + moved) - function(SCORES - moved)) / (2 * step)
        return found

    def ties(self):
        labels, scores = np.float32([[1, 0, 0, 0, 0, 0, 0, 0]]), np.zeros((1, 8), np.float32)

        def case(ndcg, labels):
            found = [ndcg(labels, scores) for _ in range(5)]
            return f"{found[0]:.3f}" if np.ptp(found) < 1e-6 else CHANCE, None

        of = self.library
        for words, ndcg in (("by default", of.ndcg), ("expected", of.ndcg_expected)):
            yield f"first, {words}", ndcg and (lambda ndcg=ndcg: case(ndcg, labels))
            yield f"last, {words}", ndcg and (lambda ndcg=ndcg: case(ndcg, labels[:, ::-1].copy()))
        both, some = np.float32([[1, 0], [0, 0]]), np.float32([[1, 0], [1, 0]])
        yield "no relevant document", of.ndcg and (lambda: (f"{of.ndcg(both, some):.3f}", None))

    def weights(self):
        """The sum over lists, the first with a weight of 2: [lists, 1], and [lists] of lists as long."""
        labels, scores = np.tile(LABELS[:1], (5, 1)), np.random.default_rng(3).normal(size=(5, 5)).astype("float32")

        def case(loss, lists, column):
            y, s = labels[:lists], scores[:lists]
            weights = np.float32([2] + [1] * (lists - 1))
            weights = weights[:, None] if column else weights

            def value(y, s, weights=None):
                return self.framework.gradient(lambda scores: loss(y, scores, weights), s, "float32")[0]

            found, first, rest = value(y, s, weights), value(y[:1], s[:1]), value(y[1:], s[1:])
            by = abs(found / (2 * first + rest) - 1)
            return ("twice" if by < 1e-4 else f"wrong by {by:.0%}"), [found, first, rest]

        for name, loss in (("listwise", self.library.weighted), ("pairwise", self.library.weighted_pairs)):
            for row, lists, column in (("[3, 1]", 3, True), ("[5] of 5 lists of 5", 5, False)):
                there = loss and (column or self.library.vectors)
                yield f"{name}, {row}", there and (lambda a=(loss, lists, column): case(*a))

    def configs(self):
        def case(kind):
            scores = np.stack([SCORES, SCORES / 2, SCORES / 4], axis=-1) if kind == "ordinal" else SCORES
            plain, again = map(float, self.library.reloaded(kind, LABELS, scores))
            return ("equal" if abs(plain - again) < 1e-6 else "another loss"), [plain, again]

        for kind in ("softmax", "pairwise", "list_mle", "ordinal"):
            there = self.library.reloaded and kind in self.library.reloaded.kinds
            yield kind, there and (lambda kind=kind: case(kind))

    def shapes(self):
        kind = "softmax" if "softmax" in self.library.losses else "list_mle"
        given = {
            "[2, 6] scores": np.pad(SCORES, ((0, 0), (0, 1))),
            "[2, 1, 5] scores": SCORES[:, None, :],
            "[5] scores": SCORES[0],
            "[1, 5] scores": SCORES[:1],
        }
        for name, scores in given.items():
            yield name, self.library.padded and (lambda scores=scores: ("silent", self.run(kind, LABELS, scores)[0]))
        for name, label in (("a label of NaN", np.nan), ("a label of infinity", np.inf)):
            labels = np.float32([[2, 0, 1, label, 3]])
            yield name, lambda labels=labels: value_in_words(self.run(kind, labels, SCORES[:1])[0])

    def cut_offs(self):
        of, small = self.library, LABELS[:1]
        there = of.ndcg and (lambda: ("clipped" if of.ndcg(small, small, 20) > 0.999 else "another value", None))
        yield "metric", there

        def at(k):
            return self.framework.gradient(lambda s: of.topk(small * TEACHER, s, k), SCORES[:1], "float32")[0]

        def distil():
            all_of_it, cut = map(at, (5, 20))
            return ("clipped" if abs(all_of_it - cut) < 1e-5 else "another value"), [all_of_it, cut]

        yield "distillation", of.topk and distil

    def seeds(self):
        of = self.library

        def value(everywhere):
            if everywhere:
                of.seed()
            return self.framework.gradient(lambda s: of.stochastic(LABELS, s), SCORES, "float32")[0]

        def case(everywhere):
            once, again = value(everywhere), value(everywhere)
            return ("equal" if once == again else "another number"), [once, again]

        yield "its own seed", of.stochastic and of.seeded and (lambda: case(False))
        yield "the global seed too", of.stochastic and (lambda: case(True))

    def compiled(self):
        def case(kind):
            labels = np.float32(LABELS) * (TEACHER if kind == "distillation" else 1)
            loss = self.library.losses[kind][1]
            value = self.framework.compiled(lambda s: loss(labels, s), SCORES)
            eager = self.run(kind, LABELS, SCORES)[0]
            return ("equal" if abs(value / eager - 1) < CLOSE else "another number"), [eager, value]

        can = self.framework.compiled is not None
        yield from ((kind, each if can else each and (lambda: ("not run", None))) for kind, each in self.rows(case))


HALF = {"float16": 5e-3, "bfloat16": 2e-2}  # what is returned is rounded, and so is a small gradient
TABLES = "padding order shift gaps half large empty gradients ties weights configs shapes cut_offs seeds compiled"


def true_loss(target, gap):
    """(loss, slope by the first score) of two documents: the cross-entropy of the scores gap and 0, in float64."""
    total = np.logaddexp(gap, 0.0)
    return target @ (total - np.float64([gap, 0.0])), target.sum() * np.exp(gap - total) - target[0]


def answer(case):
    """What a case says: words and numbers."""
    if not case:
        return {"cell": NONE}
    try:
        cell, numbers = case()
    except Exception as error:  # whatever the library raises is its answer
        lines = str(error).strip().splitlines() or [""]
        return {"cell": f"raises {type(error).__name__}", "numbers": lines[-1][:200]}
    return {"cell": cell, "numbers": plain(numbers)}


def main():
    """Prints what the library answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", choices=[*PACKAGES, *LIBRARIES])
    parser.add_argument("--backend", required=True, choices=FRAMEWORKS)
    parser.add_argument("--table", action="append", default=[], help="these alone")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    name, framework = arguments.library, FRAMEWORKS[arguments.backend]()
    library = LIBRARIES[name](arguments.backend) if name in LIBRARIES else Library()
    cases, tables = Cases(library, framework), {}
    wanted = [table for table in TABLES.split() if table in (arguments.table or TABLES)]
    for table in wanted if library.losses else ():
        tables[table] = {row: answer(case) for row, case in getattr(cases, table)()}
    if name in EMBEDDINGS and ("embeddings" in arguments.table or not arguments.table):
        tables["embeddings"] = {row: answer(case) for row, case in embedding_rows(EMBEDDINGS[name](), framework)}
    names = {kind: name for kind, (name, _) in library.losses.items()}
    versions = {package: importlib.metadata.version(package) for package in PACKAGES[name]}
    print(json.dumps({"names": names, "versions": versions, "tables": tables}))


if __name__ == "__main__":
    main()
