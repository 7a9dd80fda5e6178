"""The columns that the features of TFRecords become."""

import dataclasses

from plackett.data._columns import FIXED, KNOWN


@dataclasses.dataclass
class Kinds:
    """What each feature of documents and of the context is, and where that was found: settled by the first table."""

    documents: dict[str, tuple[tuple[str, int], str]] = dataclasses.field(default_factory=dict)
    context: dict[str, tuple[tuple[str, int], str]] = dataclasses.field(default_factory=dict)
    are_settled: bool = False

    def add(self, known, found, what, where):
        """Compares what is found here with what is known; adds it while nothing is settled."""
        for name, kind in found.items():
            if name not in known and self.are_settled:
                raise ValueError(
                    f"{what.format(name)} comes up here, but the columns were settled before; name the features to "
                    "read, or read larger chunks"
                )
            expected, before = known.setdefault(name, (kind, where))
            if kind != expected:
                raise ValueError(f"{what.format(name)} is {in_words(kind)}, but is {in_words(expected)} in {before}")


def listed(names):
    """The names in one line."""
    return ", ".join(sorted(names)) or "none"


def kind_of(column):
    """What a feature of documents is: ("string", 1) or ("number", how many)."""
    return ("string", 1) if isinstance(column, list) else ("number", column.shape[1])


def in_words(kind):
    """A kind as errors tell it: ("number", 3) -> "3 numbers"."""
    return f"{kind[1]} {kind[0]}{'s' * (kind[1] > 1)}"


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns of the tables that are features: from the feature's name to its kind and its columns' names."""

    documents: dict[str, tuple[tuple[str, int], list[str]]]
    context: dict[str, tuple[tuple[str, int], list[str]]]


def layout_of(kinds, choice, where, count):
    """The layout, once it is known that all features chosen are there, and fit."""
    documents, context = kinds.documents, kinds.context
    of_documents = sorted(set(documents) - set(choice.roles())) if choice.features is None else choice.features
    of_context = sorted(context) if choice.context is None else choice.context
    chosen = [(name, documents, "documents have") for name in (*choice.roles(), *of_documents)]
    for name, known, have in (*chosen, *((name, context, "the contexts have") for name in of_context)):
        if name not in known:
            raise ValueError(f"{where} and {count - 1} more: there is no feature {name}; {have} {listed(known)}")
    for column, name in choice.columns.items():
        kind, before = documents[name]
        if kind != ("number", 1):
            raise ValueError(f"{before}: feature {name} must be one number to be {column}, but is {in_words(kind)}")
    layout = Layout(
        documents={name: (documents[name][0], _columns_of(name, documents[name][0][1])) for name in of_documents},
        context={name: (context[name][0], _columns_of(name, context[name][0][1])) for name in of_context},
    )
    taken = {*FIXED, *KNOWN, *choice.columns}
    for name, (_, names) in (*layout.documents.items(), *layout.context.items()):
        if clash := sorted(taken & set(names)):
            raise ValueError(
                f"feature {name} would become a column {clash[0]}, but there is another of this name; say with "
                "label, document, query or columns what it is, or leave it out of features or context"
            )
        taken |= set(names)
    return layout


def _columns_of(name, width):
    return [name] if width == 1 else [f"{name}_{i}" for i in range(1, width + 1)]
