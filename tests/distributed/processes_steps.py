"""What each process of a group does in the tests of shared steps: `python this I N PORT OUT CASE...`."""

import json
import os
import sys

NUMBER, PROCESSES = int(sys.argv[1]), int(sys.argv[2])
PORT, OUT, *CHOSEN = sys.argv[3:]
BACKEND = os.environ["KERAS_BACKEND"]
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
}

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from plackett import (  # noqa: E402
    backend,
    distributed,
    losses,
    scorers,
)
from plackett.backend import process_groups  # noqa: E402
from plackett.data import Batches, RankingLists  # noqa: E402
from plackett.retrieval import TwoTowerModel  # noqa: E402
from plackett.training._group import Group  # noqa: E402
from plackett.training._interrupt import catch_interrupts  # noqa: E402
from plackett.training._run import Run  # noqa: E402
from plackett.training._settings import Settings  # noqa: E402

ROWS, STEPS = 8, 3


def join():
    """Enters the group."""
    if PROCESSES == 1:
        return
    if BACKEND == "jax":
        import jax

        jax.distributed.initialize(f"127.0.0.1:{PORT}", PROCESSES, NUMBER)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    else:
        import torch.distributed

        torch.distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{PORT}", rank=NUMBER, world_size=PROCESSES
        )


class Parts(keras.utils.PyDataset):
    """This process's part of each of a few batches."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return keras.tree.map_structure(_part, self.batches[i])


def _part(x):
    rows = len(x) // PROCESSES
    return x[NUMBER * rows :][:rows]


class Recorder(keras.callbacks.Callback):
    """The loss and the weights after each step."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def on_train_batch_end(self, batch, logs=None):
        seen = np.float64(logs["loss"]) * (batch + 1)  # Keras gives the mean of the steps so far
        loss = float(backend.mean_over_processes(ops.convert_to_tensor(np.float32(seen))))
        self.found[f"loss {batch}"] = loss
        weights = [np.ravel(np.asarray(ops.convert_to_numpy(backend.local_value(x)))) for x in self.model.weights]
        self.found[f"weights {batch}"] = np.concatenate([x.astype("float64") for x in weights])


def train(model, loss, batches, rate=0.5):
    """What three steps of gradient descent give."""
    recorder = Recorder()
    model.compile(keras.optimizers.SGD(rate), loss)
    distributed.average_gradients(model)
    generator = getattr(loss, "seed_generator", None)
    with backend.carry_generators(model, [] if generator is None else [generator]):
        model.fit(Parts(batches), shuffle=False, verbose=0, callbacks=[recorder])
    return recorder.found


def pairs(labels_of, **more):
    """Batches of (anchors, positives), labels."""
    random = np.random.default_rng(3)
    draw = lambda: random.normal(size=(ROWS, 5)).astype("float32")  # noqa: E731
    return [({"anchor": draw(), "positive": draw()}, *labels_of(random)) for _ in range(STEPS)]


def embeddings():
    """A model of two inputs whose output are the similarities of all rows."""
    inputs = {name: keras.Input((5,), name=name) for name in ("anchor", "positive")}
    tower = keras.layers.Dense(4, activation="tanh", name="tower")
    anchors, positives = (distributed.GatherRows()(tower(inputs[name])) for name in ("anchor", "positive"))
    return keras.Model(inputs, ops.matmul(anchors, ops.transpose(positives)))


def classes(random):
    return (random.integers(0, 4, ROWS).astype("int32"),)


def weighted_classes(random):
    return *classes(random), random.uniform(size=ROWS).astype("float32")


def several_labels(random):
    return (random.integers(0, 2, (ROWS, 3)).astype("float32"),)


def nothing(random):
    return (np.zeros(ROWS, "float32"),)


class InBatchSoftmax(keras.Model):
    """A user's own: each anchor must recognise its positive among those of all rows, by its own rows alone."""

    def __init__(self):
        super().__init__()
        self.tower, self.gather = keras.layers.Dense(4, activation="tanh"), distributed.GatherRows()

    def call(self, inputs):
        anchors, positives = self.tower(inputs["anchor"]), self.tower(inputs["positive"])
        own = ops.sum(anchors * positives, axis=-1)
        return ops.logsumexp(anchors @ ops.transpose(self.gather(positives)), axis=-1) - own


class OwnRows(keras.Model):
    """Its own anchors, and the positives and a hard negative of each row of all processes: [rows here, columns]."""

    def __init__(self, negatives=True, block=None):
        super().__init__()
        self.tower, self.gather = keras.layers.Dense(4, activation="tanh"), distributed.GatherRows()
        self.negatives, self.block = negatives, block

    def call(self, inputs):
        names = ("positive", "negative") if self.negatives else ("positive",)
        documents = ops.concatenate([self.gather(self.tower(inputs[name])) for name in names], axis=0)
        queries = self.tower(inputs["anchor"])
        return (queries, documents) if self.block else queries @ ops.transpose(documents)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not self.block:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        return self.loss.of_embeddings(y, *y_pred, sample_weight, block=self.block)


def in_batch(random):
    """Labels of all kinds, and weights."""
    whole = random.integers(0, 5, (3, ROWS))
    numbers = random.uniform(size=(5, ROWS)).astype("float32")
    labels = losses.in_batch_labels(
        whole[0],
        queries=whole[1],
        grades=np.where(numbers[0] < 0.2, 0, numbers[0]),
        log_probability=numbers[1],
        weights=numbers[2],
        negatives=whole[2][:, None],
        log_probability_of_negatives=numbers[3][:, None],
    )
    return labels, numbers[4]


def with_negatives(batches):
    """The batches with a hard negative a row, which is the anchor turned round."""
    return [(x | {"negative": x["anchor"][:, ::-1].copy()}, *rest) for x, *rest in batches]


def retrieval(loss, **options):
    """A model of two towers, of batches with labels of all kinds, weights and hard negatives."""
    batches = []
    for x, *rest in with_negatives(pairs(in_batch)):
        inputs = {"query": x["anchor"], "document": x["positive"], "negatives": x["negative"][:, None]}
        batches.append((inputs, *rest))
    towers = [keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="tanh")]) for _ in range(2)]
    return train(TwoTowerModel(*towers, temperature=0.5, learn_temperature=True, **options), loss, batches)


def ranking(weights=None):
    """Batches of lists; of the last no list of the first half has a relevant document."""
    random = np.random.default_rng(5)
    lengths = random.integers(2, 7, STEPS * ROWS)
    features = random.normal(size=(lengths.sum(), 4)).astype("float32")
    labels = random.integers(0, 3, lengths.sum()).astype("float32")
    labels[lengths[: 2 * ROWS].sum() : lengths[: 2 * ROWS + ROWS // 2].sum()] = 0
    columns = {} if weights is None else {"weight": random.uniform(size=lengths.sum()).astype("float32")}
    lists = RankingLists.from_arrays(features, labels, group=lengths, columns=columns)
    return lists, list(Batches(lists, ROWS))


def ranker(lists, **options):
    return scorers.make("mlp", lists, hidden=(6,), **options)


CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


@case
def npairs():
    return train(embeddings(), losses.NpairsLoss(), pairs(classes))


@case
def npairs_with_weights():
    return train(embeddings(), losses.NpairsLoss(), pairs(weighted_classes))


@case
def npairs_multilabel():
    return train(embeddings(), losses.NpairsMultilabelLoss(), pairs(several_labels))


@case
def npairs_of_own_rows():
    return train(OwnRows(negatives=False), losses.NpairsLoss(), pairs(weighted_classes))


@case
def in_batch_labels():
    loss = losses.InBatchSoftmaxLoss("mean_with_sample_weight", temperature=0.5)
    return train(OwnRows(), loss, with_negatives(pairs(in_batch)))


@case
def in_batch_embeddings():
    loss = losses.InBatchSoftmaxLoss(temperature=0.5, symmetric=True)
    return train(OwnRows(block=3), loss, with_negatives(pairs(in_batch)))


@case
def in_batch_softmax():
    return train(InBatchSoftmax(), lambda y_true, y_pred: y_pred, pairs(nothing))


@case
def retrieval_of_queries():
    return retrieval(losses.InBatchSoftmaxLoss())


@case
def retrieval_both_ways():
    return retrieval(losses.InBatchSoftmaxLoss(symmetric=True))


@case
def retrieval_by_pieces():
    return retrieval(losses.InBatchSoftmaxLoss(symmetric=True), micro_batch=3)


def _of_lists(loss, weights=None, rate=0.5, **options):
    lists, batches = ranking(weights)
    model = scorers.mlp(lists, hidden=(6,), normalization=None, transform=None, **{"dropout": 0.0} | options)
    return train(model, loss, batches, rate)


@case
def mean_of_relevant_lists():
    return _of_lists(losses.SoftmaxLoss("mean_with_sample_weight"), weights=True)


@case
def sum_of_lists():
    return _of_lists(losses.SoftmaxLoss("sum"), rate=0.01)


@case
def noise():
    return _of_lists(losses.GumbelApproxNDCGLoss(seed=4))


@case
def noise_without_a_seed():
    return _of_lists(losses.GumbelApproxNDCGLoss())


@case
def dropout():
    return _of_lists(losses.SoftmaxLoss(), dropout=0.5)


@case
def dropout_in_attention():
    lists, batches = ranking()
    options = {"hidden": (6,), "heads": 2, "blocks": 1, "normalization": None, "transform": None, "dropout": 0.5}
    return train(scorers.self_attention(lists, **options), losses.SoftmaxLoss(), batches)


@case
def two_towers():
    lists = ranking()[0]
    shown = {"position": np.concatenate([np.arange(1, n + 1) for n in lists.lengths])}
    lists = RankingLists.from_arrays(lists.features, lists.labels, group=lists.lengths, columns=shown)
    options = {"hidden": (6,), "normalization": None, "dropout": 0.0, "transform": None}
    model = scorers.two_tower(
        lists, combine="add", relevance_options=options, examination_dropout=0.5, gradient_reversal=0.3
    )
    return train(model, losses.SoftmaxLoss(), list(Batches(lists, ROWS, inputs=["position"])))


@case
def trained():
    """The history of a run of training with noise and dropout, and its best weights, in the first process."""
    lists, validation = ranking()[0], ranking()[0]
    options = {"hidden": (6,), "dropout": 0.3, "transform": None}
    settings = {"scorer": "mlp", "scorer_options": options, "loss": "gumbel_approx_ndcg", "epochs": 3}
    settings = Settings.from_dict(settings | {"batch_size": ROWS})
    group = Group() if PROCESSES == 1 else Group(NUMBER, PROCESSES, of_first, process_groups.together)
    with catch_interrupts() as interrupt, backend.keep_generators():
        backend.seed_all_generators(settings.seed)
        run = Run(lists, validation, settings, interrupt, group)
        record = run.make_record(None)
        run.fit(record, [])
    found = {f"loss {i}": np.float64(entry["loss"]) for i, entry in enumerate(record.history)}
    return found | {f"weights {i}": x for i, x in enumerate(record.best_weights or [])}


def of_first(x):
    """A small object of the first process, in all."""
    if BACKEND == "torch":
        import torch.distributed

        box = [x]
        torch.distributed.broadcast_object_list(box)
        return box[0]
    from jax.experimental import multihost_utils

    words = np.zeros(1000, "uint8")
    told = json.dumps(x).encode() if NUMBER == 0 else b""
    words[: len(told)] = np.frombuffer(told, "uint8")
    return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(words))).rstrip(b"\0"))


@case
def messages():
    """Of PyTorch alone."""
    import torch_messages

    return torch_messages.found()


@case
def one_alone():
    """Each process by itself makes and trains a model of all rows."""
    with backend.alone():
        lists, batches = ranking()
        model = scorers.mlp(lists, hidden=(6,), normalization=None, transform=None, dropout=0.0)
        model.compile(keras.optimizers.SGD(0.5), losses.GumbelApproxNDCGLoss("sum", seed=4))
        value = model.train_on_batch(*batches[0])
        return {"loss": np.float64(value), "count": np.int64(backend.number_of_processes())}


def main():
    join()
    found = {"processes": backend.number_of_processes(), "process": backend.process_number()}
    for name in CHOSEN:
        keras.utils.set_random_seed(7)
        found |= {f"{name}: {key}": value for key, value in CASES[name]().items()}
    np.savez(f"{OUT}/{NUMBER}.npz", **found)


if __name__ == "__main__":
    main()
