"""What plackett promises, and what its peers do in the same cases: the tables of docs/promises.md.

    python benchmarks/promises.py [--library NAME]... [--table NAME]... [--json FILE] [--page PAGE]

Each library runs all cases in a process and an environment of its own (`promises_worker.py`), on the CPU; plackett runs
them on each backend, and a cell names the backends where they differ. The answers, in words and in numbers, go into
benchmarks/promises.json, and `--page` puts the tables of that file between the marks of a page. With `--page` alone
nothing is run. A case is given to each library in the form that its documentation asks for: see `promises_losses.py`.
"""

import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
FILE = HERE / "promises.json"
BACKENDS = {
    "plackett": ("jax", "tensorflow", "torch"),
    "TF-Ranking": ("tensorflow",),
    "TF-Addons": ("tensorflow",),
    "rax": ("jax",),
    "keras-rs": ("jax",),
    "allRank": ("torch",),
    "sentence-transformers": ("torch",),
    "pytorch-metric-learning": ("torch",),
}
OF_LISTS = ("plackett", "TF-Ranking", "rax", "keras-rs", "allRank", "sentence-transformers")
OF_EMBEDDINGS = ("plackett", "TF-Addons", "sentence-transformers", "pytorch-metric-learning")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
KINDS = {
    "softmax": "softmax",
    "pairwise": "pairwise",
    "approx_ndcg": "ApproxNDCG",
    "list_mle": "ListMLE",
    "distillation": "distillation",
    "ordinal": "ordinal",
}
NOT_ASKED = "no such thing"


def run(library, of_tables, backend):
    """What a library answers on a backend. rax has an older JAX of its own; keras-rs runs beside plackett's Keras."""
    from environments import made, python_of, site_of

    environment = os.environ | QUIET | {"KERAS_BACKEND": backend}
    if library == "keras-rs":
        python, environment["PYTHONPATH"] = sys.executable, str(site_of("keras-rs==0.4.0"))
    else:
        python = made("rax") if library == "rax" else python_of(library)
    command = [python, HERE / "promises_worker.py", library, "--backend", backend]
    command += [argument for name in of_tables for argument in ("--table", name)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    if done.returncode:
        sys.exit(f"{library} on {backend} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def tables(answers):
    """{name of the table: Markdown}."""
    names = [name for name in answers["plackett"]["jax"]["tables"] if name != "embeddings"]
    found = {name: table(answers, name, OF_LISTS) for name in names}
    found["embeddings"] = table(answers, "embeddings", OF_EMBEDDINGS)
    return found | {"losses": losses(answers), "versions": versions(answers)}


def table(answers, name, libraries):
    """One table: a row a case, a column a library."""
    rows = answers["plackett"]["jax"]["tables"][name]
    return markdown(("case", *libraries), [[words(row), *cells(answers, name, row, libraries)] for row in rows])


def cells(answers, name, row, libraries):
    """What each library says in a row; each backend of plackett where they differ."""
    for library in libraries:
        said = {}
        for backend, answer in answers[library].items():
            cell = answer["tables"].get(name, {}).get(row, {"cell": NOT_ASKED})["cell"]
            said.setdefault(cell, []).append(backend)
        said = {cell: where for cell, where in said.items() if cell != "not run" or len(said) == 1}
        yield next(iter(said)) if len(said) == 1 else "; ".join(f"{', '.join(on)}: {cell}" for cell, on in said.items())


def words(row):
    """The name of a case, with the kind of loss as people write it."""
    first, comma, rest = row.partition(",")
    return KINDS.get(first, first) + comma + rest


def losses(answers):
    """Which loss of each library stands for which."""
    kinds = ("softmax", "pairwise", "approx_ndcg", "list_mle", "distillation")
    named = {library: next(iter(answers[library].values()))["names"] for library in OF_LISTS}
    rows = [[library, *(named[library].get(kind, "none") for kind in kinds)] for library in OF_LISTS]
    return markdown(("library", *(KINDS[kind] for kind in kinds)), rows)


def versions(answers):
    """The versions that were run."""
    rows = [(library, next(iter(of.values()))["versions"]) for library, of in answers.items()]
    return markdown(("library", "versions"), [[name, ", ".join(map(" ".join, of.items()))] for name, of in rows])


def markdown(header, rows):
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def filled(page, answers):
    """The page with the tables between their marks."""
    for name, text in tables(answers).items():
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = mark.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


def main():
    """Runs what is asked for, and writes the file and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", action="append", choices=BACKENDS, help="run these alone, keep the other answers")
    parser.add_argument("--table", action="append", default=[], help="run these tables alone, likewise")
    parser.add_argument("--json", type=pathlib.Path, default=FILE)
    parser.add_argument("--page", type=pathlib.Path)
    arguments = parser.parse_args()
    answers = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    rerun = arguments.library or arguments.table or not (arguments.page and answers)
    for library in arguments.library or (BACKENDS if rerun else ()):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = pool.map(functools.partial(run, library, arguments.table), BACKENDS[library])
            for backend, answer in zip(BACKENDS[library], found, strict=True):
                earlier = answers.get(library, {}).get(backend, {"tables": {}})["tables"] if arguments.table else {}
                answers.setdefault(library, {})[backend] = answer | {"tables": earlier | answer["tables"]}
        print("has answered:", library)
    answers = {library: answers[library] for library in BACKENDS if library in answers}
    arguments.json.write_text(json.dumps(answers, indent=1) + "\n")
    if arguments.page:
        arguments.page.write_text(filled(arguments.page.read_text(), answers))


if __name__ == "__main__":
    main()
