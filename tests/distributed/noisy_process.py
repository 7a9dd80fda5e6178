"""One of SIZE processes on JAX that train together, `python this NUMBER SIZE PORT FOLDER`; the first writes."""

import json
import os
import sys

NUMBER, SIZE, PORT, FOLDER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["JAX_PLATFORMS"] = "cpu"

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
    """A small object of the first process, in all."""
    words, said = np.zeros(1000, "uint8"), json.dumps(x).encode()
    if NUMBER == 0:
        words[: len(said)] = np.frombuffer(said, "uint8")
    return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(words))).rstrip(b"\0"))


def history(settings):
    """The entries of the epochs of a run."""
    settings = Settings.from_dict(settings)
    group = Group(NUMBER, SIZE, tell, process_groups.together) if SIZE > 1 else Group()
    with catch_interrupts() as interrupt, backend.keep_generators():
        backend.seed_all_generators(settings.seed)
        run = Run(make_lists(), make_lists(), settings, interrupt, group)
        record = run.make_record(None)
        run.fit(record, [])
    return record.history


if SIZE > 1:
    jax.distributed.initialize(f"127.0.0.1:{PORT}", SIZE, NUMBER)
found = {name: history(settings) for name, settings in NOISY.items()}
if NUMBER == 0:
    with open(f"{FOLDER}/histories.json", "w") as file:
        json.dump(found, file)
