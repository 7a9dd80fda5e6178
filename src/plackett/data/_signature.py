"""What a ranker in a file takes of documents and gives, in words that need no Keras."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

FORM = 1  # of what `to_json` writes
KEY = "plackett"  # under which the metadata of an ONNX file has it


@dataclasses.dataclass(frozen=True)
class Signature:
    """The features, ids and columns that a ranker takes, and the scores that it gives.

    The inputs are those of `plackett.scorers`: `features`, [batch, list, features] float32, `mask`, [batch, list] bool,
    ids by their names, [batch, list] int32, or [batch, list, 2] int32 of int64 and of text, as `numbers_of_ids` has
    them; and columns by their names, as `columns_as_inputs` has them. The outputs are [batch, list] float32; the first
    one, `scores`, ranks.

    >>> signature = Signature(features=("bm25", "age"), named=True, missing=False, ids={"film": "text"})
    >>> Signature.from_json(signature.to_json()) == signature
    True

    Args:
        features: the names of the dense features in their order; "1", "2", ... where they have numbers alone.
        named: whether these are names.
        missing: whether a feature may be missing (NaN).
        ids: name -> "int32", "int64" or "text", see `plackett.data._columns.kind_of_ids`.
        columns: name -> "position", "number" or "text": what else the ranker takes of documents and queries.
        unknown: name -> a whole number that the ranker does not know, for ids of "int32": what is fed for a number
            beyond int32, which it knows neither. Without one such a number is refused.
        outputs: the names of the scores; the first is `scores`.
        facts: what is known of the ranker: `plackett`, its version; `model` and `training_data`, their fingerprints;
            `opset`; `largest_difference`, how far the file was from Keras when it was written.
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
        """The signature of what `to_json` gave.

        Raises:
            ValueError: it is of another form, or malformed.
        """
        try:
            given = json.loads(text)
            form = given.pop("form")
            given.pop("file", None)  # which the text beside a file says of it, for people
            made = cls(**given | {"features": tuple(given["features"]), "outputs": tuple(given["outputs"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no signature of a ranker: {error}") from error
        if form != FORM:
            raise ValueError(
                f"a signature must be of form {FORM}, which this version of plackett knows, but got {form}"
            )
        return made
