"""Training a ranker: lists and a loss in, the best model and its record out."""

import csv
import dataclasses
import io
import json
import pathlib

import keras
import yaml

from plackett import backend, losses, metrics, scorers
from plackett.data import Batches, RankingLists
from plackett.evaluation import evaluate
from plackett.losses.base import RankingLoss


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a ranker is trained; what `config.yaml` holds.

    Args:
        loss: the name of the loss.
        loss_options: arguments of the loss.
        metric: the name of the metric that chooses the best epoch, such as "ndcg@10".
        scorer: "mlp" or "embeddings". None = embeddings where there are id features.
        scorer_options: arguments of the scorer; it gives a document as many scores as the loss takes unless they say
            otherwise.
        epochs: how often the training lists are gone through, at most.
        patience: training stops after so many epochs without a better metric.
        batch_size: how many lists a step takes.
        learning_rate: of Adam.
        seed: of the initial weights, the order of lists, dropout and the loss's noise.
    """

    loss: str = "unique_softmax"
    loss_options: dict = dataclasses.field(default_factory=dict)
    metric: str = "ndcg@10"
    scorer: str | None = None
    scorer_options: dict = dataclasses.field(default_factory=dict)
    epochs: int = 50
    patience: int = 5
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "patience", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be greater than 0, but got {self.learning_rate}")
        if self.scorer is not None and self.scorer not in scorers.SCORERS:
            raise ValueError(f"unknown scorer {self.scorer!r}; known are {', '.join(sorted(scorers.SCORERS))}")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Args:
        model: the scorer with the weights of its best epoch.
        history: one dict an epoch: epoch, loss, the validation metric.
        best: the entry of `history` that the weights are from.
        output: the folder that holds them, or None.
    """

    model: keras.Model
    history: list[dict]
    best: dict
    output: pathlib.Path | None


def train(
    lists: RankingLists,
    validation: RankingLists,
    *,
    output: str | pathlib.Path | None = None,
    overwrite: bool = False,
    provenance: dict | None = None,
    callbacks: list[keras.callbacks.Callback] | None = None,
    **settings,
) -> Trained:
    """Trains a ranker and keeps the weights of the epoch with the best validation metric.

    Args:
        lists: the training lists; standardisation is fitted on them alone.
        validation: the lists that the best epoch is chosen on.
        output: a folder for `config.yaml`, `model.keras`, `metrics.json` and `history.csv`. None = nothing is
            written. Each file is whole at any moment: what is finished stays when training is interrupted.
        overwrite: whether the files of an earlier run in `output` may be replaced.
        provenance: entries to put first in `config.yaml`: where the data came from.
        callbacks: further Keras callbacks.
        settings: fields of `Settings`.

    Raises:
        FileExistsError: `output` holds an earlier run and `overwrite` is False.
        ValueError: an unknown name or an option out of range.
    """
    settings = Settings(**settings)
    metrics.get(settings.metric)
    keras.utils.set_random_seed(settings.seed)
    loss = _loss(settings)
    model = _scorer(lists, settings, loss)
    feed = Feed(lists.with_ids(model.input), settings.batch_size, seed=settings.seed)
    folder = _opened(output, settings, overwrite, provenance or {})
    model.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), loss=loss)
    record = Record(validation, settings.metric, settings.patience, folder)
    model.fit(
        backend.fed(feed),
        epochs=settings.epochs,
        shuffle=False,
        callbacks=[record, *(callbacks or [])],
        verbose=0,
    )
    return Trained(model, record.history, record.best, folder)


def _opened(output, settings, overwrite, provenance):
    """The output folder with its config in it."""
    if output is None:
        return None
    folder = pathlib.Path(output)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not overwrite:
        raise FileExistsError(f"{folder} exists and is not empty: choose another output folder or allow overwriting")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.keras", "metrics.json", "history.csv"):
        (folder / name).unlink(missing_ok=True)
    config = provenance | {"backend": keras.backend.backend()} | dataclasses.asdict(settings)
    write(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    return folder


def _loss(settings) -> RankingLoss:
    loss = losses.get(settings.loss, **settings.loss_options)
    if loss.classes:
        raise ValueError(f"{settings.loss} takes similarities of pairs, not the scores of lists: use it with fit")
    return loss


def _scorer(lists, settings, loss):
    name = settings.scorer or ("embeddings" if lists.vocabularies else "mlp")
    options = {"models": loss.models} | settings.scorer_options
    try:
        return scorers.SCORERS[name](lists, **options)
    except TypeError as error:
        raise ValueError(f"scorer {name}: {error}") from None


class Feed(keras.utils.PyDataset):
    """`Batches` as Keras reads them: (inputs, labels, weights), a new order each epoch."""

    def __init__(self, lists: RankingLists, batch_size: int, *, seed: int | None = None):
        super().__init__()
        self.batches = Batches(lists, batch_size, seed=seed)

    def __len__(self):
        """How many batches an epoch has."""
        return len(self.batches)

    def __getitem__(self, i):
        """Batch i of this epoch."""
        return self.batches[i]

    def on_epoch_end(self):
        """Goes to the next epoch."""
        self.batches.start_epoch(self.batches.epoch + 1)


class Record(keras.callbacks.Callback):
    """Measures each epoch, keeps the history and the best weights, and stops when nothing improves.

    Args:
        validation: what each epoch is measured on.
        metric: the name of the metric; other callbacks see it in their logs.
        patience: how many epochs without a better metric are allowed.
        folder: where `model.keras`, `metrics.json` and `history.csv` go, or None.
    """

    def __init__(self, validation: RankingLists, metric: str, patience: int, folder: pathlib.Path | None):
        super().__init__()
        self.validation = validation
        self.metric = metric
        self.improves = metrics.get(metric).improves
        self.patience = patience
        self.folder = folder
        self.history = []
        self.best = None
        self._best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        logs |= evaluate(self.model, self.validation, [self.metric])
        entry = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
        self.history.append(entry)
        if self.improves(entry[self.metric], self.best and self.best[self.metric]):
            self.best, self._best_weights = entry, self.model.get_weights()
            self._write_model()
        elif entry["epoch"] - self.best["epoch"] >= self.patience:
            self.model.stop_training = True
        self._write_history()

    def on_train_end(self, logs=None):
        self.model.set_weights(self._best_weights)

    def _write_model(self):
        if self.folder is not None:
            partial = self.folder / "partial.keras"
            try:
                self.model.save(partial)
                partial.replace(self.folder / "model.keras")
            finally:
                partial.unlink(missing_ok=True)
            write(self.folder / "metrics.json", json.dumps(self.best, indent=2) + "\n")

    def _write_history(self):
        if self.folder is not None:
            text = io.StringIO(newline="")
            rows = csv.DictWriter(text, fieldnames=list(self.history[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(self.history)
            write(self.folder / "history.csv", text.getvalue())


def write(path: pathlib.Path, text: str) -> None:
    """Writes a whole file or none."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
