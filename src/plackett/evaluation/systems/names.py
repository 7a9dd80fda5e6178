"""The names of systems, and the words that stand for them. Does not import Keras."""

import collections
import os
import pathlib
from collections.abc import Sequence

from plackett.data._suffixes import PACKED
from plackett.evaluation.systems.simple import system_of_words

FUSIONS = ("rrf", "borda", "min_max", "z_score", "comb_sum")  # the methods of `fuse`


def name_systems(given: Sequence[str | os.PathLike]) -> dict[str, str]:
    """Names paths and words that may have a name: name -> words or path; see `open_systems`.

    Raises:
        ValueError: two have the same name, or one is neither words nor a path.
    """
    for one in given:
        if not isinstance(one, str | os.PathLike):
            raise ValueError(
                f"a list of systems must hold paths and words, which give the names, but got a {type(one).__name__}: "
                "give a dict, name -> system"
            )
    named = [_split_name(os.fspath(one)) for one in given]
    names = [name or _short_name(what) for name, what in named]
    for clash in [name for name, count in collections.Counter(names).items() if count > 1]:
        free = [i for i, (given_name, _) in enumerate(named) if names[i] == clash and given_name is None]
        for i, name in zip(free, _tell_apart([named[i][1] for i in free]), strict=True):
            names[i] = name
    for name, count in collections.Counter(names).items():
        if count > 1:
            both = ", ".join(what for own, (_, what) in zip(names, named, strict=True) if own == name)
            raise ValueError(f"two systems have the name {name!r}: {both}. Give one a name of its own, as NAME=PATH")
    return {name: what for name, (_, what) in zip(names, named, strict=True)}


def _split_name(what):
    """Returns (the given name or None, the path or the words)."""
    name, equals, rest = what.partition("=")
    # A path may contain the sign, as in `lr=0.1`.
    if not equals or os.path.exists(what) or set(name) & {"/", os.sep, ":"}:
        return None, what
    if not name.strip() or not rest:
        raise ValueError(f"a system with a name must be NAME=PATH, but got {what!r}")
    return name, rest


def _short_name(what):
    """The name of a file without its suffix, or of a folder; words themselves."""
    if system_of_words(what):
        return what
    path = pathlib.Path(os.path.abspath(what))
    if path.suffix in PACKED:
        path = path.with_suffix("")
    return path.name if path.is_dir() else path.stem


def _tell_apart(paths):
    """As much of the end of each path as distinguishes it from the others; the whole path if nothing does."""
    if any(map(system_of_words, paths)):
        return paths
    parts = [pathlib.Path(os.path.abspath(path)).parts for path in paths]
    for depth in range(1, max(map(len, parts), default=0)):
        ends = ["/".join(of_path[-depth:]) for of_path in parts]
        if len(set(ends)) == len(ends):
            return ends
    return [os.path.abspath(path) for path in paths]


def parse_fusion(words: str) -> tuple[str, str, list[str]]:
    """Parses a fusion of the command line: (its name, the method, the names of the systems).

    >>> parse_fusion("hybrid=rrf:bm25,dense")
    ('hybrid', 'rrf', ['bm25', 'dense'])

    Raises:
        ValueError: it has another form, an unknown method, or a system twice.
    """
    name, equals, rest = words.partition("=")
    method, colon, systems = rest.partition(":")
    names = [one.strip() for one in systems.split(",")]
    if not (name.strip() and equals and colon) or len(names) < 2 or not all(names):
        raise ValueError(
            f"a fusion must be NAME=METHOD:SYSTEM,SYSTEM, such as hybrid=rrf:bm25,dense, but got {words!r}"
        )
    if method not in FUSIONS:
        raise ValueError(f"the method of a fusion must be one of {', '.join(FUSIONS)}, but got {method!r} in {words!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"a fusion must name each system once, but got {words!r}")
    return name.strip(), method, names
