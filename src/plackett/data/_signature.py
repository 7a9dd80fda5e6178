"""The inputs and outputs of a ranker in a file, described without Keras."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

FORM = 1  # the form that `to_json` writes
KEY = "plackett"  # the key in the metadata of an ONNX file


@dataclasses.dataclass(frozen=True)
class Signature:
    """The features, ids and columns that a ranker takes, and the scores that it returns.

    The inputs are those of `plackett.scorers`: `features`, [batch, list, features] float32, `mask`, [batch, list] bool,
    ids by their names, [batch, list] int32, or [batch, list, 2] int32 for int64 and text, as in `numbers_of_ids`; and
    columns by their names, as in `columns_as_inputs`. The outputs are [batch, list] float32. The first one, `scores`,
    ranks.

    >>> signature = Signature(features=("bm25", "age"), named=True, missing=False, ids={"film": "text"})
    >>> Signature.from_json(signature.to_json()) == signature
    True

    Args:
        features: the names of the dense features in order; "1", "2", ... if they only have numbers.
        named: whether these are names.
        missing: whether a feature may be missing (NaN).
        ids: name -> "int32", "int64" or "text", see `plackett.data._columns.kind_of_ids`.
        columns: name -> "position", "number" or "text": other columns of documents and queries that the ranker takes.
        unknown: name -> a whole number that the ranker does not know, for ids of "int32". It replaces numbers beyond
            int32, which are unknown too. Without it such numbers raise an error.
        outputs: the names of the scores; the first is `scores`.
        facts: facts about the ranker: `plackett`, the version; `model` and `training_data`, their fingerprints;
            `opset`; `largest_difference`, the largest difference of scores between the file and Keras when it was
            written.
    """

    features: tuple[str, ...]
    named: bool
    missing: bool
    ids: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unknown: Mapping[str, int] = dataclasses.field(default_factory=dict)
    outputs: tuple[str, ...] = ("scores",)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """The signature as text."""
        return json.dumps({"form": FORM} | dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Signature":
        """The signature from the output of `to_json`.

        Raises:
            ValueError: the text is of another form, or malformed.
        """
        try:
            given = json.loads(text)
            form = given.pop("form")
            given.pop("file", None)  # a description for people, in the text next to a file
            made = cls(**given | {"features": tuple(given["features"]), "outputs": tuple(given["outputs"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is not a signature of a ranker: {error}") from error
        if form != FORM:
            raise ValueError(f"a signature must have form {FORM}, which this version of plackett reads, but got {form}")
        return made
