"""A two-tower model that learns to find documents, with the other documents of a batch as negatives."""

from collections.abc import Mapping
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from plackett import backend, losses
from plackett._types import Tensor
from plackett.lists._shapes import check_shape
from plackett.losses._in_batch_loss import InBatchLoss
from plackett.registry import check_options, register
from plackett.registry.names import registered_classes
from plackett.registry.options import Count, Positive
from plackett.retrieval._embed import embed
from plackett.retrieval._similarity import Similarity

QUERY, DOCUMENT, NEGATIVES = "query", "document", "negatives"


@register
class TwoTowerModel(keras.Model):
    """Embeds queries and documents by one tower each, so that the documents of a query are the nearest to it.

    It is trained by plain `fit` on pairs of a query and a document that belongs to it, row by row. For a batch of B
    rows its output is the similarities of each query with all documents of the batch, [B, B]. From these a loss such as
    `plackett.losses.InBatchSoftmaxLoss` learns to tell a query's own document from the others:

        model = TwoTowerModel(query_tower, document_tower)
        model.compile("adam", plackett.losses.InBatchSoftmaxLoss())
        model.fit({"query": users, "document": films}, film_ids, batch_size=256)

    The inputs of a tower are an array, or a dict of arrays. With "negatives", in the form of the documents with a
    second axis, [B, H, ...], each row also brings H hard negatives, and the output is [B, B (1 + H)]: the documents of
    all rows, then the negatives of row 0, of row 1, and so on.

    With `micro_batch`, the towers see this many rows at a time, and the loss sees a block of similarities of a size
    that it chooses itself. What they would keep for the gradient is computed again piece by piece, so only the inputs
    and embeddings take memory in proportion to the batch. The step is the same; each piece has its own noise, the same
    both times. The output is then {"queries", "documents"}, the embeddings whose plain product gives the similarities.

    If several processes take a step together, as in `plackett.distributed.run`, each row is compared with the documents
    of all processes; under a `tf.distribute` strategy, with those of its own replica alone.

    >>> import keras
    >>> import numpy as np
    >>> from plackett.losses import NpairsLoss
    >>> tower = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    >>> model = TwoTowerModel(tower, tower)
    >>> model.compile("adam", NpairsLoss())
    >>> x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    >>> history = model.fit({"query": x, "document": x}, np.arange(6), verbose=0)
    >>> model.embed_documents(x).shape
    (6, 3)

    Args:
        query_tower: a Keras model of queries whose output is [rows, dimension].
        document_tower: a Keras model of documents with such an output. If the same model is given twice, its weights
            are shared.
        similarity: "cosine" or "dot", see `Similarity`.
        temperature: see `Similarity`. None = 1.
        learn_temperature: see `Similarity`.
        micro_batch: the number of rows that a tower sees at a time. None = all at once.
        kwargs: keywords of `keras.Model`.

    Raises:
        ValueError: a tower is not a model, the dimensions of the two differ, or an option is out of range; when called,
            the inputs are not as above, or embeddings are not [rows, dimension].

    Cost: with `micro_batch`, towers and similarities are computed forward twice.

    Reference: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021,
        https://arxiv.org/abs/2101.06983, for the gradient in pieces.
    """

    def __init__(
        self,
        query_tower: keras.Model,
        document_tower: keras.Model,
        similarity: Literal["cosine", "dot"] = "cosine",
        temperature: Positive | None = 0.05,
        learn_temperature: bool = False,
        micro_batch: Count | None = None,
        **kwargs: Any,
    ):
        options = {"similarity": similarity, "temperature": temperature, "learn_temperature": learn_temperature}
        check_options(TwoTowerModel.__init__, **options, micro_batch=micro_batch)
        shapes = [_output_shape(f"{name}_tower", x) for name, x in ((QUERY, query_tower), (DOCUMENT, document_tower))]
        super().__init__(autocast=False, **kwargs)  # each tower casts its own inputs
        self.query_tower = query_tower
        self.document_tower = document_tower
        self.similarity = Similarity(similarity, temperature, learn_temperature, name="similarity")
        self.micro_batch = micro_batch
        self.similarity.build(*shapes)
        self.built = query_tower.built and document_tower.built

    def build(self, input_shape: Any) -> None:
        """Does nothing, since the towers build themselves."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Tensor | dict[str, Tensor]:
        """Returns the similarities [B, B (1 + H)]; with `micro_batch` the embeddings whose product they are."""
        _check_inputs(inputs)
        columns = [inputs[DOCUMENT]]
        if NEGATIVES in inputs:
            columns.append(_row_by_row(inputs[DOCUMENT], inputs[NEGATIVES]))
        queries = self._embed(self.query_tower, inputs[QUERY], training)
        parts = [backend.gather_rows(self._embed(self.document_tower, x, training)) for x in columns]
        documents = ops.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]
        if self._needs_all_queries():
            queries = backend.gather_rows(queries)
        queries, documents = self.similarity.prepare(queries, documents)
        if self.micro_batch is not None:
            return {"queries": queries, "documents": documents}
        return backend.matmul(queries, ops.transpose(documents))

    def _embed(self, tower, x, training):
        if self.micro_batch is None:
            return tower(x, training=training)
        if not tower.built:
            tower(keras.tree.map_structure(lambda column: column[:1], x))  # so that its weights exist
        return backend.call_by_pieces(tower, x, self.micro_batch, training=bool(training))

    def _needs_all_queries(self):
        """Whether the loss also compares the columns of the similarities. From embeddings it gathers what it needs."""
        loss = getattr(self, "loss", None)
        return self.micro_batch is None and isinstance(loss, InBatchLoss) and bool(loss.options.get("symmetric"))

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, **options: Any) -> None:
        """Compiles the model as `keras.Model.compile` does, with a loss of a batch.

        Args:
            optimizer: see `keras.Model.compile`.
            loss: one of `plackett.losses` that takes the similarities of a batch, or its name, such as "npairs".
            options: see `keras.Model.compile`.

        Raises:
            ValueError: another loss, or metrics with `micro_batch`.
        """
        loss = losses.get(loss) if isinstance(loss, str) else loss
        if not isinstance(loss, InBatchLoss):
            raise ValueError(
                f"loss must be one of the similarities within a batch, {_known_losses()}, but got {loss!r}"
            )
        if self.micro_batch is not None and (options.get("metrics") or options.get("weighted_metrics")):
            raise ValueError(
                "metrics would need all similarities of a batch at once, which micro_batch avoids: leave out metrics "
                "and weighted_metrics, or micro_batch"
            )
        super().compile(optimizer, loss, **options)
        if self.micro_batch is not None:
            self._compile_loss = None  # Keras would use it to try the step on rows that are all equal

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model like the saved one."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the loss of a batch, plus the losses of layers."""
        if self.micro_batch is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = self.loss.of_embeddings(y, y_pred["queries"], y_pred["documents"], sample_weight)
        return sum(map(ops.sum, self.losses), loss)

    def predict(self, x: Any, batch_size: int | None = None, *args: Any, **options: Any) -> Any:
        """Returns the similarities of each batch, one batch below the other, as `keras.Model.predict` does.

        A batch contains only its own documents. To rank documents, take `embed_queries` and `embed_documents`.

        Args:
            x: the inputs of the model.
            batch_size: see `keras.Model.predict`.
            args: see `keras.Model.predict`.
            options: see `keras.Model.predict`.

        Raises:
            ValueError: the last batch has fewer rows, and so fewer columns, than the others.
        """
        if self.micro_batch is None and isinstance(x, Mapping):
            _check_batches(len(keras.tree.flatten(x)[0]), 32 if batch_size is None else batch_size)
        return super().predict(x, batch_size, *args, **options)

    def embed_queries(self, x: Any, batch_size: Count = 1024) -> np.ndarray:
        """Embeds queries. Their dot products with the embeddings of documents rank them as the similarity does.

        Args:
            x: the inputs of the query tower: an array, or a dict of arrays, whose first axis is the rows.
            batch_size: the number of rows that are embedded at a time.

        Returns:
            [rows, dimension] float32, in the order of the rows, not divided by the temperature; with unit length for
            "cosine".

        Raises:
            ValueError: the inputs do not fit, or an embedding is not finite; the message names the row.
        """
        return embed(self.query_tower, x, batch_size=batch_size, unit=self.similarity.kind == "cosine")

    def embed_documents(self, x: Any, batch_size: Count = 1024) -> np.ndarray:
        """Embeds documents in the same way; see `embed_queries`."""
        return embed(self.document_tower, x, batch_size=batch_size, unit=self.similarity.kind == "cosine")

    def get_config(self) -> dict:
        """The constructor's arguments. A tower that is both query and document tower is in it once."""
        shared = self.document_tower is self.query_tower
        document = None if shared else keras.saving.serialize_keras_object(self.document_tower)
        return super().get_config() | {
            "query_tower": keras.saving.serialize_keras_object(self.query_tower),
            "document_tower": document,
            "similarity": self.similarity.kind,
            "temperature": self.similarity.temperature,
            "learn_temperature": self.similarity.learn_temperature,
            "micro_batch": self.micro_batch,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "TwoTowerModel":
        """Makes an equal model from what `get_config` returned."""
        query, document = (
            None if written is None else keras.saving.deserialize_keras_object(written, custom_objects)
            for written in (config["query_tower"], config["document_tower"])
        )
        return cls(**config | {"query_tower": query, "document_tower": query if document is None else document})


def _output_shape(name, tower):
    """The output shape [rows, dimension] of a tower; None if it is not known yet."""
    if not isinstance(tower, keras.Model):
        raise ValueError(f"{name} must be a Keras model whose output is [rows, dimension], but got {tower!r}")
    if not tower.built or not hasattr(tower, "output_shape"):  # Keras knows it for functional models
        return None, None
    shape = tower.output_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(f"{name} must have one output, [rows, dimension], but its output shape is {shape}")
    return shape


def _check_batches(rows, size):
    """Raises a ValueError if batches of this size would have different numbers of rows."""
    if rows > size and rows % size:
        raise ValueError(
            f"predict joins the similarities of batches, but the last has {rows % size} rows and columns and "
            f"the others {size}: give batch_size={rows}, or a number that divides it, or rank by the products of "
            "embed_queries and embed_documents"
        )


def _check_inputs(inputs):
    """Raises a ValueError unless these are the inputs of a two-tower model."""
    if not isinstance(inputs, Mapping):
        raise ValueError(
            f'the inputs must be a dict {{"{QUERY}": ..., "{DOCUMENT}": ...}}, but got a {type(inputs).__name__}'
        )
    missing = [name for name in (QUERY, DOCUMENT) if name not in inputs]
    unknown = [name for name in inputs if name not in (QUERY, DOCUMENT, NEGATIVES)]
    if missing or unknown:
        raise ValueError(
            f"the inputs must be {QUERY}, {DOCUMENT} and, for hard negatives, {NEGATIVES}, but got "
            f"{', '.join(map(repr, inputs))}: put the columns of a tower into a dict of their own"
        )


def _row_by_row(documents, negatives):
    """Reshapes [rows, H, ...] to [rows H, ...], for each column of the negatives."""
    if isinstance(documents, Mapping) != isinstance(negatives, Mapping):
        raise ValueError(f"{NEGATIVES} must be an array or a dict of arrays, as {DOCUMENT} is")
    if not isinstance(documents, Mapping):
        return _flatten(DOCUMENT, documents, negatives)
    if set(documents) != set(negatives):
        raise ValueError(
            f"{NEGATIVES} must have the columns of {DOCUMENT}, {', '.join(map(repr, documents))}, but has "
            f"{', '.join(map(repr, negatives))}"
        )
    return {name: _flatten(name, column, negatives[name]) for name, column in documents.items()}


def _flatten(name, documents, negatives):
    expected = (documents.shape[0], *[None] * len(documents.shape))  # lists may be longer than those of the documents
    check_shape(f"the {NEGATIVES} of {name}", negatives, "the documents with a second axis", expected)
    return ops.reshape(negatives, (-1, *ops.shape(negatives)[2:]))


def _known_losses():
    return ", ".join(sorted(kind.__name__ for kind in registered_classes(InBatchLoss).values()))
