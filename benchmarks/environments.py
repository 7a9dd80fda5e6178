"""The environments of the peers, in `benchmarks/.venvs`: made once, with pip, when they are missing.

The old TensorFlow stack needs a TensorFlow below 2.16, thus Python 3.11, and declares more than it needs; so its
last packages come without their dependencies. The others get the JAX and the Keras that plackett runs with here.
"""

import functools
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys

from cases import ADDONS, KERAS_RS, RAX, TENSORFLOW_RANKING

FOLDER = pathlib.Path(__file__).parent / ".venvs"
OLD = (
    ("tensorflow-cpu==2.15.1", "numpy<2", "six"),
    ("--no-deps", "tensorflow-ranking==0.5.5", "tensorflow-serving-api==2.15.1"),
    ("--no-deps", "tensorflow-addons==0.23.0", "typeguard==2.13.3"),
)
HERE = [f"{name}=={importlib.metadata.version(name)}" for name in ("jax", "keras")]
TORCH = f"torch=={importlib.metadata.version('torch').partition('+')[0]}"
PEERS_OF_TORCH = (
    (TORCH, "sentence-transformers==6.2.0", "pytorch-metric-learning==2.9.0"),
    ("--no-deps", "allRank==1.4.3", "attrs==26.1.0"),  # its requirements are of 2020; its losses need torch alone
)
OLD_JAX = ("jax==0.6.2", "rax==0.4.0")  # the last JAX with jax.util, which rax.approx_t12n needs
INSTALLS = {
    "tensorflow-ranking": OLD,
    "rax": (OLD_JAX,),
    "peers": ((*HERE, "rax==0.4.0"), (*HERE, "keras-rs==0.4.0")),
    "torch-peers": PEERS_OF_TORCH,
}
ENVIRONMENTS = {TENSORFLOW_RANKING: "tensorflow-ranking", ADDONS: "tensorflow-ranking", RAX: "peers", KERAS_RS: "peers"}
ENVIRONMENTS |= dict.fromkeys(("allRank", "sentence-transformers", "pytorch-metric-learning"), "torch-peers")


def python_of(library: str) -> pathlib.Path | str:
    """The Python that a library is measured with. What could not be installed fails where it is imported."""
    return made(ENVIRONMENTS[library]) if library in ENVIRONMENTS else sys.executable


@functools.cache
def made(environment: str) -> pathlib.Path:
    """The Python of an environment, made if it is missing."""
    folder = FOLDER / environment
    python, done = folder / "bin" / "python", folder / "done"
    if done.exists():
        return python
    print(f"making the environment {environment}, once")
    base = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if environment == "tensorflow-ranking" and base is None:
        print("TensorFlow Ranking needs a python3.11 on the path: it will be missing")
        return python
    subprocess.run([base or sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "-qq"]
    installed = [subprocess.run([*install, *each]) for each in INSTALLS[environment]]
    if any(each.returncode for each in installed):
        print(f"not all of {environment} could be installed: the table will say what is missing")
    else:
        done.touch()
    return python


@functools.cache
def site_of(requirement: str) -> pathlib.Path:
    """A folder with one package and none of its dependencies, for the Python that runs this; made if it is missing."""
    folder = FOLDER / requirement.replace("==", "-")
    if not folder.exists():
        print(f"installing {requirement}, once")
        install = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", folder, requirement]
        subprocess.run(install, check=True)
    return folder
