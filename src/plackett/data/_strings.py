"""Arrays of strings that store each text once, as UTF-8, for ids of queries and documents and text id features."""

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

BITES = 8  # the bytes of a text that are compared at a time
CHUNK = 2**22  # the bytes of text, or rows, that are processed together


class Dictionary:
    """The texts that codes stand for, in the layout of Arrow. A text may occur twice.

    Args:
        text: [bytes] uint8, all texts in UTF-8, concatenated.
        offsets: [texts + 1] int32 or int64; the bytes of text c are offsets[c]:offsets[c + 1].
    """

    def __init__(self, text: np.ndarray, offsets: np.ndarray):
        self.text = text
        self.offsets = offsets
        self._known: dict[Callable, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.offsets) - 1

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """[texts], in bytes."""
        return np.diff(self.offsets)

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """[texts] int64, the number of texts before each in byte order, which is the order of code points.

        Equal texts have equal ranks.

        Cost: a sort of the first 8 bytes of each text, then of the next 8 of those that are equal so far, and so on.
        """
        ranks, tied, start = np.zeros(len(self), "int64"), np.arange(len(self)), 0
        while len(tied):
            keys = self._bite(tied, start)
            rest = np.minimum(self.lengths[tied] - start, BITES + 1)  # a text comes before those that it begins
            order = np.lexsort((rest, keys, ranks[tied]))
            rows, keys, rest = tied[order], keys[order], rest[order]
            groups = ranks[rows]
            new = np.ones(len(rows), bool)
            new[1:] = (groups[1:] != groups[:-1]) | (keys[1:] != keys[:-1]) | (rest[1:] != rest[:-1])
            first = np.flatnonzero(new)
            of_row = np.cumsum(new) - 1
            # The place of a row's first equal among the rows of its old rank, which the others of that rank fill up.
            begins = np.ones(len(rows), bool)
            begins[1:] = groups[1:] != groups[:-1]
            ranks[rows] = groups + (first[of_row] - np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0)))
            sizes = np.diff(np.append(first, len(rows)))
            tied = rows[(sizes[of_row] > 1) & (rest > BITES)]
            start += BITES
        return ranks

    def _bite(self, codes, start):
        """[codes] uint64, 8 bytes of each text from byte `start` on as a number; 0 after its end."""
        begins, ends = self.offsets[:-1][codes].astype("int64") + start, self.offsets[1:][codes]
        number = np.zeros(len(codes), "uint64")
        for i in range(BITES):
            there = begins + i < ends
            number <<= np.uint64(8)
            number[there] |= self.text[begins[there] + i]
        return number

    def find(self, text: str) -> np.ndarray:
        """[texts] bool, which texts are equal to this one."""
        wanted = np.frombuffer(encode(text), "uint8")
        found = np.flatnonzero(self.lengths == len(wanted))
        for start in range(0, len(wanted), BITES):
            if not len(found):
                break
            bite = wanted[start : start + BITES]
            rows = self.offsets[found].astype("int64")[:, None] + (start + np.arange(len(bite)))
            found = found[(self.text[rows] == bite).all(axis=1)]
        matches = np.zeros(len(self), bool)
        matches[found] = True
        return matches

    def of_each(self, codes: np.ndarray, function: Callable[[memoryview], Any], dtype: str) -> np.ndarray:
        """[codes], a function of the bytes of each text, called once for each requested text."""
        if function not in self._known:
            self._known[function] = np.zeros(len(self), dtype), np.zeros(len(self), bool)
        values, known = self._known[function]
        new = np.unique(codes[~known[codes]])
        text, begins, ends = self.text.data, self.offsets[:-1][new].tolist(), self.offsets[1:][new].tolist()
        values[new] = np.fromiter((function(text[a:b]) for a, b in zip(begins, ends, strict=True)), dtype, len(new))
        known[new] = True
        return values[codes]

    @functools.cached_property
    def has_nul(self) -> np.ndarray:
        """[texts] bool, which texts contain a NUL character."""
        found = np.zeros(len(self), bool)
        places = self.offsets[0] + np.flatnonzero(self.text[self.offsets[0] : self.offsets[-1]] == 0)
        found[np.searchsorted(self.offsets, places, side="right") - 1] = True
        return found

    def pieces(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        """The bytes of these texts, one after another, in pieces of some MB."""
        for start in range(0, len(codes), CHUNK // BITES):
            block = codes[start : start + CHUNK // BITES]
            ends = np.cumsum(self.lengths[block], dtype="int64")
            cuts = np.unique(np.searchsorted(ends, np.arange(CHUNK, ends[-1], CHUNK), side="right"))
            for piece in np.split(block, cuts[cuts > 0]):
                yield self._gather(piece)

    def _gather(self, codes):
        """The bytes of a few texts; a view if their codes are consecutive."""
        if codes[-1] - codes[0] == len(codes) - 1 and (np.diff(codes) == 1).all():
            return self.text[self.offsets[codes[0]] : self.offsets[codes[-1] + 1]]
        lengths = self.lengths[codes].astype("int64")
        if lengths[0] and (lengths == lengths[0]).all():  # such as UUIDs, which then take half the time
            windows = np.lib.stride_tricks.sliding_window_view(self.text, lengths[0])
            return windows[self.offsets[codes]].reshape(-1)
        ends = np.cumsum(lengths)
        return self.text[np.repeat(self.offsets[codes] - (ends - lengths), lengths) + np.arange(ends[-1])]


class Strings(Sequence[str]):
    """An array of strings that stores each text once, as UTF-8.

    An index gives a string, or `Strings` for a slice, a mask or several places. `==` gives a mask, as for a NumPy
    array. NumPy converts it to an array of objects. Slices share the texts.

    >>> strings = Strings.of(["b", "a", "b"])
    >>> strings[0], strings[1:].tolist(), (strings == "b").tolist(), "c" in strings
    ('b', ['a', 'b'], [True, False, True], False)
    >>> strings
    Strings(['b', 'a', 'b'])

    Args:
        codes: [n], the number of the text of each string in the dictionary, int32 if there are fewer than 2^31 texts.
        dictionary: the texts.
    """

    def __init__(self, codes: np.ndarray, dictionary: Dictionary):
        self.codes = codes
        self.dictionary = dictionary

    @classmethod
    def of(cls, given: Iterable[str], what: str = "strings") -> "Strings":
        """An array of the given strings, or the same object if it is one already.

        Args:
            given: the strings; an array, a series or any other iterable.
            what: the name of the strings in errors.

        Raises:
            ValueError: one of them is not a string, or has a lone surrogate.
        """
        if isinstance(given, Strings):
            return given
        entries = given.tolist() if isinstance(given, np.ndarray) else list(given)
        if not all(issubclass(kind, str) for kind in set(map(type, entries))):
            place, wrong = next((place, one) for place, one in enumerate(entries) if not isinstance(one, str))
            raise ValueError(f"{what} must be strings, but entry {place} is {wrong!r}")
        known = {text: code for code, text in enumerate(dict.fromkeys(entries))}
        codes = np.fromiter(map(known.__getitem__, entries), "int32", len(entries))
        return cls(codes, dictionary_of(list(map(encode, known))))

    @property
    def shape(self) -> tuple[int]:
        """The shape, with one axis."""
        return (len(self),)

    @property
    def nbytes(self) -> int:
        """The memory in bytes, including all texts of the dictionary, which other arrays may share."""
        return self.codes.nbytes + self.dictionary.text.nbytes + self.dictionary.offsets.nbytes

    def __len__(self) -> int:
        """The number of strings."""
        return len(self.codes)

    def __getitem__(self, which: Any) -> Any:
        """One string, or the strings of a slice, a mask or several places."""
        if not isinstance(which, slice | np.ndarray | list) and hasattr(which, "__index__"):
            code = int(self.codes[which])
            start, stop = (int(x) for x in self.dictionary.offsets[code : code + 2])
            return decode(self.dictionary.text.data[start:stop])
        if isinstance(which, list) and not which:
            which = slice(0, 0)
        return Strings(self.codes[which], self.dictionary)

    def __iter__(self) -> Iterator[str]:
        """One string after the other."""
        return iter(self.tolist())

    def __contains__(self, text: object) -> bool:
        """Whether one of the strings is this one."""
        return isinstance(text, str) and bool((self == text).any())

    def __eq__(self, other: object) -> Any:
        """[n] bool, which strings equal a string, or the string at the same place of a sequence."""
        if isinstance(other, str):
            return self.dictionary.find(other)[self.codes]
        if not isinstance(other, Iterable):
            return NotImplemented
        if not isinstance(other, Strings):
            return np.asarray(self) == np.asarray(other, "object")
        if len(self) != len(other):
            raise ValueError(f"{len(self)} strings cannot be compared with {len(other)}")
        if self.dictionary is other.dictionary and np.array_equal(self.codes, other.codes):
            return np.ones(len(self), bool)
        ranks = concatenate_strings([self, other]).ranks()
        return ranks[: len(self)] == ranks[len(self) :]

    def __ne__(self, other: object) -> Any:
        """[n] bool, which strings differ from a string, or from the string at the same place of a sequence."""
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else ~equal

    __hash__ = None  # type: ignore[assignment]  # as of an array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """[n] object, the strings."""
        if copy is False:
            raise ValueError("Strings are always copied into a NumPy array: leave out copy=False")
        strings = self.dictionary.of_each(self.codes, decode, "object")
        return strings if dtype is None else strings.astype(dtype)

    def __repr__(self) -> str:
        """The first strings."""
        more = f" and {len(self) - 8:,} more" if len(self) > 8 else ""
        return f"Strings({self[:8].tolist()}{more})"

    def __reduce__(self) -> tuple:
        """Pickles only the texts that occur."""
        small = self.compact()
        return _unpickle, (np.asarray(small.codes), np.asarray(small.dictionary.text), small.dictionary.offsets)

    def tolist(self) -> list[str]:
        """The strings."""
        return self.__array__().tolist()

    def ranks(self) -> np.ndarray:
        """[n] int64, the byte order of the strings, in which trec_eval orders ids; equal strings have equal ranks."""
        return self.dictionary.ranks[self.codes]

    def hashes(self) -> np.ndarray:
        """[n] int64, see `hash_strings`."""
        return self.dictionary.of_each(self.codes, _hash, "int64")

    def compact(self) -> "Strings":
        """The same strings, with a dictionary that has only their texts."""
        used = np.zeros(len(self.dictionary), bool)
        used[self.codes] = True
        if used.all():
            return self
        places = np.cumsum(used) - 1
        kept = np.flatnonzero(used)
        offsets = np.append(0, np.cumsum(self.dictionary.lengths[kept], dtype="int64"))
        text = np.concatenate([np.zeros(0, "uint8"), *self.dictionary.pieces(kept)])
        dictionary = Dictionary(text, smaller(offsets))
        return Strings(places[self.codes].astype("int32"), dictionary)

    def pieces(self) -> Iterator[np.ndarray]:
        """The content of the strings, independent of codes: their lengths, then their bytes, in pieces of some MB."""
        for start in range(0, len(self), CHUNK):
            yield self.dictionary.lengths[self.codes[start : start + CHUNK]].astype("<i8")
        yield from self.dictionary.pieces(self.codes)


def _unpickle(codes, text, offsets):
    return Strings(codes, Dictionary(text, offsets))


def concatenate_strings(parts: Sequence[Strings]) -> Strings:
    """Concatenates arrays of strings. Their texts are not compared.

    Cost: a copy of the codes and, with several dictionaries, of the texts.
    """
    dictionaries = list({id(part.dictionary): part.dictionary for part in parts}.values())
    if len(dictionaries) == 1:
        return Strings(np.concatenate([part.codes for part in parts]), dictionaries[0])
    sizes = [len(dictionary) for dictionary in dictionaries]
    codes_dtype = "int32" if sum(sizes) < 2**31 else "int64"
    first = dict(zip(map(id, dictionaries), itertools.accumulate([0, *sizes[:-1]]), strict=True))
    codes = [part.codes.astype(codes_dtype) + np.dtype(codes_dtype).type(first[id(part.dictionary)]) for part in parts]
    lengths = np.concatenate([dictionary.lengths for dictionary in dictionaries])
    text = np.concatenate([d.text[d.offsets[0] : d.offsets[-1]] for d in dictionaries])
    offsets = smaller(np.append(0, np.cumsum(lengths, dtype="int64")))
    return Strings(np.concatenate(codes), Dictionary(text, offsets))


def dictionary_of(texts: Sequence[bytes]) -> Dictionary:
    """The dictionary of texts in UTF-8."""
    offsets = np.zeros(len(texts) + 1, "int64")
    np.cumsum(np.fromiter(map(len, texts), "int64", len(texts)), out=offsets[1:])
    return Dictionary(np.frombuffer(b"".join(texts), "uint8"), smaller(offsets))


def smaller(offsets: np.ndarray) -> np.ndarray:
    """The offsets as int32 if they fit."""
    return offsets.astype("int32") if offsets[-1] < 2**31 else offsets


@functools.lru_cache(4)
def _numbers(bits):
    return dictionary_of([b"%d" % number for number in range(1, 2**bits + 1)])


def numbers_from_1(highest: int) -> Dictionary:
    """A dictionary of "1", "2", ..., in which code c is "c + 1". Similar numbers share one dictionary."""
    return _numbers(max(10, (highest - 1).bit_length()))


def encode(text: str) -> bytes:
    """The text in UTF-8.

    Raises:
        ValueError: it has a lone surrogate.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} has half a surrogate pair, which UTF-8 cannot hold") from None


def decode(text: memoryview) -> str:
    """The string of some UTF-8."""
    return str(text, "utf-8")


def _hash(text):
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little", signed=True)


def hash_strings(strings: Iterable[str]) -> np.ndarray:
    """[n] int64, the numbers by which a model knows the texts of an id feature: the start of the SHA-256 of each.

    Each is the first 8 bytes of the SHA-256 of the text in UTF-8, lowest byte first, as a signed number. A model takes
    its two halves as int32, the low half first: `hash_strings(texts).view("int32").reshape(-1, 2)`.

    >>> hash_strings(["comedy", "drama"]).tolist()
    [740870767041576451, 2644578261132892807]

    Raises:
        ValueError: one of them is not a string, or has a lone surrogate.

    Cost: about a microsecond per distinct text.
    """
    return Strings.of(strings).hashes()
