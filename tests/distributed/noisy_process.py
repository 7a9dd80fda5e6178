"""One of two processes on JAX that train together: `python this NUMBER PORT FOLDER`; the first writes the histories."""

import json
import os
import sys

NUMBER, PORT, FOLDER = int(sys.argv[1]), sys.argv[2], sys.argv[3]
os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

import jax  # noqa: E402
import numpy as np  # noqa: E402
from clusters import NOISY, make_lists  # noqa: E402
from jax.experimental import multihost_utils  # noqa: E402

from plackett import backend  # noqa: E402
from plackett.backend import process_groups  # noqa: E402
from plackett.training._group import Group  # noqa: E402
from plackett.training._interrupt import catch_interrupts  # noqa: E402
from plackett.training._run import Run  # noqa: E402
from plackett.training._settings import Settings  # noqa: E402


def tell(x):
    """A small object of the first process, in both."""
    words, said = np.zeros(1000, "uint8"), json.dumps(x).encode()
    if NUMBER == 0:
        words[: len(said)] = np.frombuffer(said, "uint8")
    return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(words))).rstrip(b"\0"))


def history(settings):
    """The entries of the epochs of a run."""
    settings = Settings.from_dict(settings)
    group = Group(NUMBER, 2, tell, process_groups.together)
    with catch_interrupts() as interrupt, backend.keep_generators():
        backend.seed_all_generators(settings.seed)
        run = Run(make_lists(), make_lists(), settings, interrupt, group)
        record = run.make_record(None)
        run.fit(record, [])
    return record.history


jax.distributed.initialize(f"127.0.0.1:{PORT}", 2, NUMBER)
found = {name: history(settings) for name, settings in NOISY.items()}
if NUMBER == 0:
    with open(f"{FOLDER}/histories.json", "w") as file:
        json.dump(found, file)
