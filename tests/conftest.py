"""What all tests share."""

import contextlib
import dataclasses
import gc
import os
import pathlib
import warnings

import keras
import numpy as np
import pytest

from plackett.data import RankingLists

# What processes of their own run, which doctest would import.
collect_ignore = ["distributed/noisy_process.py", "distributed/processes_steps.py", "lean/sitecustomize.py"]

# The programs of the tests are many and small, and run once or twice: XLA's older code generator, without its
# optimisations, compiles them in a fifth of the time. `make test-wheel` compiles as users do.
XLA_FLAGS = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 "
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)


def pytest_configure():
    """XLA that compiles quickly, processes that start quickly, two CPU devices for replicas of tf.distribute."""
    os.environ.setdefault("XLA_FLAGS", XLA_FLAGS)
    # Workers of Ray give way to all else on the machine, so that beside another suite they would hardly go on.
    os.environ.setdefault("RAY_worker_niceness", "0")
    lean = str(pathlib.Path(__file__).with_name("lean"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [lean, os.environ.get("PYTHONPATH")]))
    gc.freeze()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def made_lists(queries: int, seed: int, features: int = 5) -> RankingLists:
    """Lists of 3 to 12 documents whose grade, 0 to 2, is set by the first two features and a little noise."""
    random = np.random.default_rng(seed)
    lengths = random.integers(3, 13, queries)
    total = int(lengths.sum())
    x = random.normal(size=(total, features)).astype("float32")
    worth = x[:, 0] + 0.5 * x[:, 1] + 0.1 * random.normal(size=total)
    return RankingLists(
        labels=np.digitize(worth, [0.5, 1.5]).astype("float32"),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        queries=np.array([f"q{i}" for i in range(queries)]),
        documents=np.array([f"d{i}" for i in range(total)]),
        features=x,
    )


def letor_text(lists: RankingLists) -> str:
    """The lists as a LETOR file."""
    rows = []
    for q, (start, stop) in enumerate(zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True)):
        for i in range(start, stop):
            features = " ".join(f"{k}:{float(value)!r}" for k, value in enumerate(lists.features[i], 1))
            rows.append(f"{lists.labels[i]:.0f} qid:{lists.queries[q]} {features} #docid = {lists.documents[i]}\n")
    return "".join(rows)


def stir(model: keras.Model) -> keras.Model:
    """The model with numbers in the weights of `mlp` that begin at 0, so that its scores differ untrained."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dense) and layer.name.endswith(("head", "linear")):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            if not kernel.any():
                layer.kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return model


@contextlib.contextmanager
def plackett_warns(wanted: str):
    """Within this, plackett warns of something with these words. `pytest.warns` would raise what Keras warns of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield told
    assert any(wanted in str(one.message) for one in told), told


@pytest.fixture
def files(tmp_path):
    """A training, a validation and a test file."""
    for i, (name, queries) in enumerate({"train": 60, "vali": 20, "test": 20}.items()):
        lists = made_lists(queries, seed=i)
        lists = dataclasses.replace(lists, queries=np.array([f"{name}{q}" for q in range(queries)]))
        (tmp_path / f"{name}.txt").write_text(letor_text(lists))
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    """Each program that JAX has compiled takes pieces of the address space, of which Linux gives a process 65,530."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if keras.backend.backend() == "jax" and maps.exists() and maps.read_text().count("\n") > 30_000:
        import jax

        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def training_lists():
    """120 queries to learn from."""
    return made_lists(120, seed=0)


@pytest.fixture(scope="session")
def validation_lists():
    """40 queries of the same kind."""
    return made_lists(40, seed=1)
