"""How files are read: their format, and the options for it. Imports no reader."""

import os
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from plackett._files import list_paths
from plackett.data._suffixes import FORMATS, form_of
from plackett.registry.names import check_known
from plackett.registry.options import Count, Names, Rule, is_number, rule_of

ROLES = ("query", "label", "document", "features", "categorical", "ids", "columns", "query_columns")
# The options of each format.
ACT_ON = {
    "letor": ("features", "zero_based", "group_file", "missing_values", "comment_ids", "encoding", "together"),
    "csv": (*ROLES, "missing_values", "separator", "decimal", "encoding", "together"),
    "parquet": ("columns", "ids"),
    "trec": ("qrels", "encoding", "together"),
    "qrels": ("encoding",),
    "elwc": ("query", "label", "document", "features", "context", "columns"),
    "sequence_example": ("query", "label", "document", "features", "context", "columns"),
}
Paths = str | os.PathLike | Sequence[str | os.PathLike]
OF_FILES = ("group_file", "qrels")  # true for some files, but not for others of the same format


def _is_named(x):
    return isinstance(x, Mapping) and all(isinstance(name, str) for pair in x.items() for name in pair)


def _is_texts(x):
    return isinstance(x, Sequence) and not isinstance(x, str) and all(map(_is_text, x))


def _is_words(x):
    return isinstance(x, Sequence) and not isinstance(x, str) and all(_is_word(word) for word in x)


def _is_word(x):
    return isinstance(x, str | int | float) and not isinstance(x, bool)


def _is_text(x):
    return isinstance(x, str) or hasattr(x, "__fspath__")


Named = Annotated[Mapping[str, str], Rule(_is_named, "a dict, {name it gets: column}")]
Texts = Annotated[Sequence[str], Rule(_is_texts, "a list of strings")]
Words = Annotated[Sequence[str | float], Rule(_is_words, "a list of strings and numbers")]
Path = Annotated[str, Rule(_is_text, "a path")]


class Reading(typing.TypedDict, total=False):
    """How files are read: the keywords of `read` and `convert`, and the content of a roles file and of `config.yaml`.

    >>> reading: Reading = {"query": "session", "label": "clicked", "categorical": ["brand"]}

    Args:
        form: the format: letor, csv, parquet, trec, qrels, elwc or sequence_example. Default: by the suffixes of the
            files.
        query: csv, TFRecords: the column of the query's id.
        label: csv, TFRecords: the column of the grade.
        document: csv, TFRecords: the column of the document's id.
        features: csv, TFRecords: the columns of dense features; letor: the number of features.
        categorical: csv: the columns of id features that are text.
        ids: csv, parquet: the columns of id features that are whole numbers.
        columns: csv, parquet, TFRecords: other columns of documents, {new name: column}, with new names such as click,
            position, weight or teacher.
        query_columns: csv: columns of queries.
        context: TFRecords: the features of the context to read.
        missing_values: letor, csv: values that mean missing, such as NULL.
        separator: csv: the character between fields. Default: a tab if the header has one, else a comma.
        decimal: csv: the decimal point.
        encoding: letor, csv, trec, qrels: the encoding of the text. Default: utf-8.
        zero_based: letor: whether features are numbered from 0, not from 1.
        group_file: letor: the file of group sizes, if lines have no qid; with several files, one for each.
        comment_ids: letor: whether the first word of a comment is the id of the document.
        qrels: trec: the file of judgements.
        together: letor, csv, trec: whether the documents of a query must stand together. False = they are grouped, in
            memory.
    """

    form: str
    query: str
    label: str | None
    document: str
    features: Count | Names | Named
    categorical: Names | Named
    ids: Names | Named
    columns: Named
    query_columns: Names | Named
    context: Names
    missing_values: Words
    separator: str
    decimal: str
    encoding: str
    zero_based: bool
    group_file: Path | Texts
    comment_ids: bool
    qrels: Path
    together: bool


def as_list(paths: Paths) -> list[str | os.PathLike]:
    """One path or several, as a list.

    Raises:
        TypeError: one is not a path.
        ValueError: there are no paths.
    """
    paths = list_paths(paths)
    if not paths:
        raise ValueError("there must be at least one file to read, but paths is empty")
    return paths


def check_is_no_input(output: str | os.PathLike, paths: Iterable[str | os.PathLike]) -> None:
    """Raises a ValueError if the output file is one of the input files."""
    for path in paths:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise ValueError(f"the output {output} is the input {path}: choose another output")


def check_reading(given: Mapping[str, Any]) -> Reading:
    """The options, checked: each is known and has the right kind of value.

    >>> check_reading({"qeury": "session"})
    Traceback (most recent call last):
        ...
    ValueError: unknown option of reading 'qeury'; did you mean 'query'?

    Raises:
        ValueError: an option is unknown, or its value is of the wrong kind.
    """
    kinds = typing.get_type_hints(Reading, include_extras=True)
    for name, value in given.items():
        check_known("option of reading", name, kinds)
        if name == "form":
            check_known("format", value, FORMATS)
        rule = rule_of(kinds[name])
        if rule and not rule.allows(value):
            raise ValueError(f"{name} must be {rule.wording}, but got {value!r}")
    return typing.cast(Reading, dict(given))


def check_they_act(names: Iterable[str], forms: Iterable[str], shown: Callable[[str], str] = lambda name: name) -> None:
    """Raises a ValueError if an option acts on none of these formats; `shown` gives the name of an option in errors."""
    forms = list(dict.fromkeys(forms))
    for name in names:
        if name != "form" and not any(name in ACT_ON[form] for form in forms):
            others = ", ".join(form for form in FORMATS if name in ACT_ON[form])
            raise ValueError(f"{shown(name)} does not act on the format {' or '.join(forms)}, but on {others}")


def options_of(
    form: str, reading: Mapping[str, Any], shown: Callable[[str], str] = str, *, labelled: bool | None = True
) -> dict[str, Any]:
    """The options that act on a format.

    Args:
        form: the format.
        reading: all options.
        shown: function that gives the name of an option in errors.
        labelled: whether labels are required.

    Raises:
        ValueError: `features` has the wrong kind for this format, or a TREC run has no judgements.
    """
    if form == "trec" and labelled and "qrels" not in reading:
        raise ValueError(f"a TREC run has no grades: give the file of judgements by {shown('qrels')}")
    features = reading.get("features")
    if form == "letor" and features is not None and not isinstance(features, int):
        raise ValueError(
            f"{shown('features')} must be the number of features for the format letor, but got {features!r}"
        )
    if form != "letor" and "features" in ACT_ON[form] and isinstance(features, int):
        raise ValueError(f"{shown('features')} must be names for the format {form}, but got {features!r}")
    return {name: value for name, value in reading.items() if name in ACT_ON[form]}


def inherit(of_run: Mapping[str, Any], data: Sequence[str], paths: Sequence[str]) -> dict[str, Any]:
    """The reading options of a run, as far as they can apply to other files of the same format.

    Args:
        of_run: the reading options of the run.
        data: the files that it read.
        paths: the files to read now.
    """
    left = {name: x for name, x in of_run.items() if name not in OF_FILES and (name != "features" or not is_number(x))}
    return left if _form({}, paths) in (None, _form(of_run, data)) else {}


def _form(reading, paths):
    """The format of files; None if it is not known."""
    try:
        return reading.get("form") or (form_of(paths) if paths else None)
    except ValueError:
        return None
