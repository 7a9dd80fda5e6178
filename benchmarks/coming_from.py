"""The scripts of `docs/from_*.md`, before and after, each in an environment of its own.

    python benchmarks/coming_from.py [LIBRARY]...

`before/from_LIBRARY.py` uses the old library, `after/from_LIBRARY.py` plackett; both print lines of a name and a
number. The old library also gives the value of each loss and metric in `before/values.py`, on the same labels and
scores. What it prints goes to `tests/golden/coming_from.json`, to which `tests/test_coming_from.py` holds the numbers
of plackett.
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import environments

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "tests/golden/coming_from.json"
OLD = {"tensorflow_ranking": "tensorflow-ranking", "tensorflow_addons": "tensorflow-ranking"}
SITES = {
    "rax": ("rax==0.4.0",),
    "allrank": ("allrank==1.4.3",),
    "sentence_transformers": (
        *("sentence-transformers==6.2.0", "transformers==5.24.0", "tokenizers", "safetensors", "regex"),
    ),
    "lightgbm": (),
}
LIBRARIES = (*OLD, *SITES)
ABSENT = {  # what allRank imports for clouds, boards and pictures, and does not use here
    "gcsfs.py": "",
    "pkg_resources.py": "Requirement = resource_filename = None\n",
    "tensorboardX.py": "SummaryWriter = None\n",
    "torchvision/__init__.py": "",
    "torchvision/transforms.py": "Compose = None\n",
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}


def main() -> None:
    """Runs both sides and prints their numbers."""
    for library in sys.argv[1:] or LIBRARIES:
        before = numbers_of("before", library)
        values = {} if library == "lightgbm" else values_of(library)
        known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        numbers = {name: number if math.isfinite(number) else None for name, number in before.items()}
        known[library] = {"before": numbers, "values": values}
        GOLDEN.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        after = numbers_of("after", library)
        print(f"\n{library}")
        for name in before | after:
            print(f"  {name:20} before {before.get(name, ''):<22} after {after.get(name, '')}")
        for name, value in values.items():
            print(f"  {name:40} {value}")


def numbers_of(side: str, library: str) -> dict[str, float]:
    """What a script prints, by name."""
    return dict(read(line) for line in run(side, library, HERE / side / f"from_{library}.py").splitlines())


def read(line: str) -> tuple[str, float]:
    """A name and a number."""
    name, number = line.split()
    return name, float(number)


def values_of(library: str) -> dict[str, float]:
    """What the losses and metrics of the old library give."""
    return json.loads(run("before", library, HERE / "before/values.py", library).splitlines()[-1])


def run(side: str, library: str, *command) -> str:
    """What a command prints in the environment of this side."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in ABSENT.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        python, paths = sys.executable, [*os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        if side == "before" and library in OLD:
            python, paths = environments.made(OLD[library]), []
        elif side == "before":
            paths += [*map(str, map(environments.site_of, SITES[library])), *([folder] if library == "allrank" else [])]
        settings = {"KERAS_BACKEND": "torch", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        done = subprocess.run(
            [python, *command], env=os.environ | QUIET | settings, capture_output=True, text=True, timeout=900
        )
    if done.returncode:
        sys.exit(f"{side}/{library}: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
