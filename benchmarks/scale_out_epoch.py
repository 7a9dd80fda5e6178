"""An epoch of many workers, step by step: when each has its data, computes, hears of the others, and waits.

Every assumption that is not measured stands in `World`.
"""

import dataclasses
import math

import numpy as np

PARTS = ("compute", "slowest worker", "data", "network", "checkpoints", "failures")


@dataclasses.dataclass(frozen=True)
class Model:
    """What steps of a model cost, as fits of measurements.

    Args:
        parameters: how many weights.
        fixed: seconds of a step whatever it computes.
        of_document: a core's seconds a document.
    """

    parameters: int
    fixed: float
    of_document: float


@dataclasses.dataclass(frozen=True)
class World:
    """The data, the machines, and what is assumed of them.

    Args:
        queries, documents: of the whole data, and of a query.
        bytes_of_document: in Parquet. Measured.
        read: documents a second that a core reads. Measured.
        row_group: queries of one. Measured, for 64 MB in memory.
        window: row groups that a worker opens at a time; as many are read ahead.
        cores: of a worker, of which `readers` read. Assumed.
        link: bytes a second of a worker's network, 25 Gb/s. Assumed.
        storage: bytes a second of the store, for all workers. Assumed.
        latency: seconds of a message from one worker to the next. Measured over loopback, and what a network adds.
        reduce: bytes a second at which a process adds up what it hears. Measured over loopback.
        batch: queries of a step, in all workers.
        spread: of the logarithm of a step's seconds, from worker to worker and step to step. Measured.
        late: of the logarithm of the seconds that the store takes for a row group. Assumed.
        save: (seconds, bytes a second) of a checkpoint. Measured.
        lost: hours until one worker is lost, of each. Assumed.
        restart: seconds until a group goes on after that. Measured.
        price: of a core's hour, in dollars. Assumed.
        overlap: whether a worker reads while it computes.
        share: of the machine's cores that a worker has.
    """

    queries: float = 1e9
    documents: float = 100
    bytes_of_document: float = 370.0
    read: float = 250_000.0
    row_group: int = 1_200
    window: int = 8
    cores: float = 16
    readers: float = 4
    link: float = 25e9 / 8
    storage: float = 100e9
    latency: float = 50e-6
    reduce: float = 1e9
    batch: int = 32_768
    spread: float = 0.1
    late: float = 0.3
    save: tuple[float, float] = (0.02, 6e8)
    lost: float = 2_000.0
    restart: float = 30.0
    price: float = 0.045
    overlap: bool = True

    def ring(self, n: int, size: float) -> float:
        """Seconds of an all-reduce around a ring, as gloo makes it: 2 (n - 1) messages of a n-th of the bytes each."""
        return 2 * (n - 1) * (self.latency + size / n * (1 / self.link + 1 / self.reduce)) if n > 1 else 0.0

    def tree(self, n: int, size: float) -> float:
        """Seconds of an all-reduce by halving and doubling: as many bytes, 2 log2 n messages."""
        if n == 1:
            return 0.0
        return 2 * math.log2(n) * self.latency + 2 * (n - 1) / n * size * (1 / self.link + 1 / self.reduce)


def simulate(world: World, model: Model, n: int, *, steps: int | None = None, tree: bool = False, seed=0) -> dict:
    """Hours of an epoch of n workers and what they are spent on, from a few windows of it.

    A worker reads row groups one after another, at most two windows ahead, and may train on a window when all of it is
    there. A step begins in each worker when it has its queries and its last step has ended, and ends in all when the
    slowest has computed and the gradients have gone round.
    """
    random = np.random.default_rng(seed)
    share = world.batch / n
    opens = max(world.window, math.ceil(share / world.row_group))  # what a step needs, at least
    of_window = opens * world.row_group
    warm = 0
    if steps is None:  # whole windows, after one that is there from the start
        warm = math.ceil(of_window / share) - 1
        steps = round(max(4, math.ceil(100 * share / of_window)) * of_window / share)
    compute = model.fixed + share * world.documents * model.of_document / (world.cores - world.readers * world.overlap)
    rate = min(
        world.readers * world.read / world.documents,
        min(world.link, world.storage / n) / (world.bytes_of_document * world.documents),
    )
    reading = world.row_group / rate
    network = (world.tree if tree else world.ring)(n, 4.0 * model.parameters)
    windows = math.ceil((warm + steps) * share / of_window) + 2
    seconds = reading * random.lognormal(-(world.late**2) / 2, world.late, (windows, n, opens)).sum(axis=2)
    there = np.zeros((windows, n))  # when the last row group of a window is there
    there[0] = seconds[0]
    there[1] = there[0] + seconds[1]
    start = there[0].max()
    ended, spent, opened = np.full(n, start), dict.fromkeys(PARTS, 0.0), 0
    for i in range(warm + steps):
        begin = ended
        if i == warm:
            spent = dict.fromkeys(PARTS, 0.0)
        while opened < int((i + 1) * share / of_window - 1e-9):
            opened += 1
            if not world.overlap:
                there[opened] = begin + seconds[opened]
            begin = np.maximum(begin, there[opened])
            there[opened + 1] = np.maximum(there[opened], ended) + seconds[opened + 1]  # in the room of one before
        done = begin + compute * random.lognormal(-(world.spread**2) / 2, world.spread, n)
        waited = float((begin - ended).max())
        spent["data"] += waited
        spent["compute"] += compute
        spent["slowest worker"] += max(float((done - ended).max()) - waited - compute, 0.0)
        spent["network"] += network
        ended = np.full(n, done.max() + network)
    total = world.queries / (steps * share * n)
    hours = {name: x * total / 3600 for name, x in spent.items()}
    hours["data"] += start / 3600  # the first window, once
    return _with_losses(world, model, n, hours) | {"steps": world.queries / world.batch, "compute of a step": compute}


def _with_losses(world, model, n, hours):
    """With checkpoints as often as is best, and what workers that are lost cost."""
    useful = sum(hours.values())
    saving = world.save[0] + 4 * 4 * model.parameters / world.save[1]  # weights, two moments, and the best weights
    between = math.sqrt(2 * saving * world.lost * 3600 / n)  # Young, 1974
    hours["checkpoints"] = useful * saving / between
    hours["failures"] = useful * (world.restart + between / 2) / (world.lost * 3600 / n)
    all_hours = sum(hours.values())
    cores = all_hours * n * world.cores
    return {
        "workers": n,
        "hours": all_hours,
        "parts": hours,
        "core hours": cores,
        "dollars": cores * world.price,
        "minutes between checkpoints": between / 60,
    }


def fit_models(steps: list[dict], names: list[str]) -> dict[str, Model]:
    """The models of measurements of steps: seconds = fixed + documents x a core's seconds."""
    found = {}
    for name, parameters in zip(names, dict.fromkeys(x["parameters"] for x in steps), strict=True):
        of_model = [x for x in steps if x["parameters"] == parameters]
        documents = np.array([x["documents"] for x in of_model], "float64")
        seconds = np.array([x["seconds"] for x in of_model])
        slope, fixed = np.polyfit(documents, seconds, 1, w=1 / seconds)
        found[name] = Model(parameters, max(float(fixed), float(seconds.min()) / 10), float(slope))
    return found


def fit_line(points: list[dict]) -> tuple[float, float]:
    """(seconds at 0 bytes, bytes a second) of measurements by bytes, each weighed alike."""
    size, seconds = (np.array([x[name] for x in points]) for name in ("bytes", "seconds"))
    slope, fixed = np.polyfit(size, seconds, 1, w=1 / seconds)
    return max(float(fixed), 0.0), 1 / max(float(slope), 1e-15)
