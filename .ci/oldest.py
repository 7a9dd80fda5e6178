"""The lowest versions that pyproject.toml declares, as pip takes them: `python .ci/oldest.py data jax`."""

import pathlib
import sys
import tomllib

project = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
declared = project["dependencies"] + [requirement for extra in sys.argv[1:] for requirement in extras[extra]]
# TensorFlow for the CPU alone is the same code in a third of the space.
print(*(requirement.replace(">=", "==").replace("tensorflow==", "tensorflow-cpu==") for requirement in declared))
