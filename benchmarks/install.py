"""What `pip install 'plackett[EXTRA]'` brings into an empty environment: packages, megabytes, and whether it works.

    python benchmarks/install.py                    # the core, each backend and each extra
    python benchmarks/install.py jax serve          # these extras alone; "" is the core
    python benchmarks/install.py --wheel dist/plackett-0.1.0-py3-none-any.whl --constraint torch==2.13.0 torch

Each environment is made in a temporary folder by the pip of this Python, and deleted once it is measured. A size is the
sum of the sizes of a package's files, without compiled bytecode. The extra `dev` is left out. The tables of
docs/install.md are its output.
"""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
BACKENDS = ("jax", "tensorflow", "torch")
SIZES = """
import importlib.metadata, json

def size(package):
    paths = {path.locate() for path in package.files or ()}
    return sum(path.stat().st_size for path in paths if path.is_file())

print(json.dumps({package.name: [package.version, size(package)] for package in importlib.metadata.distributions()}))
"""
WORKS = """
import plackett
loss = plackett.losses.UniqueSoftmaxLoss()
assert abs(float(loss([[1, 0]], [[0.6, 0.8]])) - 0.798139) < 1e-6
"""
IMPORTS = "import plackett.data"


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extras", nargs="*", default=list(all_extras()), help='extras; "" = the core alone')
    parser.add_argument("--wheel", type=pathlib.Path, help="a wheel that is built; without it one is built")
    parser.add_argument("--constraint", action="append", default=[], help="as torch==2.13.0, of all environments")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = asked.wheel or build(pathlib.Path(folder))
        print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {wheel.name}\n")
        print("| installed | packages | MB | works | the largest, MB |\n|---|---|---|---|---|")
        for extra in asked.extras:
            print(row(extra, wheel, asked.constraint), flush=True)


def all_extras() -> list[str]:
    """The core, the backends, and the other extras as pyproject.toml has them."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return ["", *BACKENDS, *(extra for extra in declared if extra not in (*BACKENDS, "dev", "docs"))]


def build(folder: pathlib.Path) -> pathlib.Path:
    """The wheel of this checkout."""
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


def row(extra: str, wheel: pathlib.Path, constraints: list[str]) -> str:
    """A row of the table, of an environment that is made for it."""
    with tempfile.TemporaryDirectory() as folder:
        python = install(pathlib.Path(folder), f"{wheel.resolve()}[{extra}]" if extra else str(wheel), constraints)
        sizes = json.loads(run(python, SIZES))
        works = "yes" if succeeds(python, extra) else "NO"
    largest = sorted(sizes.items(), key=lambda entry: -entry[1][1])[:5]
    shown = ", ".join(f"{name} {version} {megabytes(size)}" for name, (version, size) in largest)
    total = megabytes(sum(size for _, size in sizes.values()))
    return f"| `plackett{f'[{extra}]' * bool(extra)}` | {len(sizes)} | {total} | {works} | {shown} |"


def install(folder: pathlib.Path, requirement: str, constraints: list[str]) -> pathlib.Path:
    """The Python of an environment that holds the requirement and what it needs, and no pip."""
    python, file = folder / "bin" / "python", folder / "constraints.txt"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    file.write_text("\n".join(constraints))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-compile"]
    subprocess.run([*pip, "--constraint", file, requirement], check=True, stderr=subprocess.DEVNULL)
    return python


def succeeds(python: pathlib.Path, extra: str) -> bool:
    """Whether a loss has its value, where there is a backend, else whether data can be had; and the command answers."""
    commands = [[python, "-c", WORKS if extra in BACKENDS else IMPORTS], [python, "-m", "plackett", "--help"]]
    environment = {"KERAS_BACKEND": extra} if extra in BACKENDS else {}
    return not any(subprocess.run(each, env=environment, capture_output=True).returncode for each in commands)


def run(python: pathlib.Path, code: str) -> str:
    """What the code prints."""
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout


def megabytes(size: int) -> str:
    """A number of bytes in MB."""
    return f"{size / 1e6:,.0f}" if size > 9.5e6 else f"{size / 1e6:.1f}"


if __name__ == "__main__":
    main()
