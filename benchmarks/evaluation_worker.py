"""Evaluates one run with one library, from files to numbers, and prints a line of JSON; see `evaluation.py`.

    python benchmarks/evaluation_worker.py LIBRARY FOLDER

LIBRARY is one of the public functions. It imports its library and returns what is measured, once: it gives the means of
ndcg@10 with linear gains, map and mrr. What that takes of memory is the rise of the peak; it needs Linux.
"""

import contextlib
import importlib.metadata
import json
import pathlib
import resource
import sys
import time

PACKAGES = ("pytrec-eval-terrier", "pytrec_eval", "ranx", "numpy", "pyarrow", "numba")


NAMES = ["ndcg@10", "map", "mrr"]


def plackett(run, qrels):
    """plackett, of the run with its judgements in parts."""
    from plackett.data import stream
    from plackett.evaluation import evaluate

    return lambda: evaluate("column:run_score", stream(run, qrels=qrels), NAMES, like="trec_eval")


def plackett_at_once(run, qrels):
    """plackett, of the run with its judgements in memory."""
    from plackett.data import read_trec
    from plackett.evaluation import evaluate

    return lambda: evaluate("column:run_score", read_trec(run, qrels), NAMES, like="trec_eval")


def plackett_beside_others(run, qrels):
    """plackett, of the run as one of any number of systems on the judgements, as `plackett evaluate` has it."""
    from plackett.data import stream
    from plackett.evaluation import evaluate

    return lambda: evaluate(run, stream(qrels, form="qrels"), NAMES, like="trec_eval")


def pytrec_eval(run, qrels):
    """pytrec_eval."""
    import pytrec_eval

    names = {"ndcg_cut_10": "ndcg@10", "map": "map", "recip_rank": "mrr"}

    def measure():
        with qrels.open() as file:
            judged = pytrec_eval.parse_qrel(file)
        with run.open() as file:
            retrieved = pytrec_eval.parse_run(file)
        evaluator = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "map", "recip_rank"})
        found = evaluator.evaluate(retrieved).values()
        return {ours: sum(query[theirs] for query in found) / len(found) for theirs, ours in names.items()}

    return measure


def ranx(run, qrels):
    """ranx, whose functions are compiled before, on a run of one document."""
    import ranx

    ranx.evaluate(ranx.Qrels({"1": {"a": 1}}), ranx.Run({"1": {"a": 1.0}}), NAMES)

    def measure():
        judged = ranx.Qrels.from_file(str(qrels), kind="trec")
        retrieved = ranx.Run.from_file(str(run), kind="trec")
        return {name: float(x) for name, x in ranx.evaluate(judged, retrieved, NAMES).items()}

    return measure


def peak():
    """The high-water mark of this process's resident memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    """Measures as the command line says."""
    library, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    measure = globals()[library](folder / "a.run", folder / "a.qrels")
    with contextlib.suppress(OSError):  # where Linux lets us: forget passing peaks of imports and compilation
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    before, start, cores = peak(), time.perf_counter(), time.process_time()
    values = measure()
    took = {"seconds": time.perf_counter() - start, "cores": time.process_time() - cores, "bytes": peak() - before}
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    print(json.dumps({"values": values, **took, "versions": versions}), flush=True)


if __name__ == "__main__":
    main()
