"""Arrays of strings that hold each text once."""

import pickle
import random

import numpy as np
import pyarrow as pa
import pytest

from plackett.data import RankingLists, Strings, concatenate, hash_strings
from plackett.data import _strings as module
from plackett.data._schema import arrow_dictionary, from_arrow, to_arrow
from plackett.data._strings import concatenate_strings

PIECES = ["", "a", "b", "\x00", "é", "𝄞", "￿", "aaaaaaaa", "aaaaaaaaaaaaaaaa"]


def made(seed):
    """(some random texts twice, and the same in an array whose dictionary has equal texts too)."""
    draw = random.Random(seed)
    texts = ["".join(draw.choices(PIECES, k=draw.randrange(6))) for _ in range(draw.randrange(1, 30))]
    return texts + texts[::-1], concatenate_strings([Strings.of(texts), Strings.of(texts[::-1])])


@pytest.mark.parametrize("seed", range(40))
def test_they_are_what_a_list_of_the_texts_is(seed):
    texts, strings = made(seed)
    assert strings.tolist() == list(strings) == np.asarray(strings).tolist() == texts
    assert [strings[i] for i in range(-1, len(texts) - 1)] == [texts[-1], *texts[:-1]]
    assert strings[1::2].tolist() == texts[1::2]
    places = np.random.default_rng(seed).integers(0, len(texts), 7)
    assert strings[places].tolist() == strings[places.tolist()].tolist() == [texts[i] for i in places]
    mask = np.array([text == texts[0] for text in texts])
    assert strings[mask].tolist() == strings[mask.tolist()].tolist() == [texts[0]] * mask.sum()
    for other in (texts, Strings.of(texts), np.array(texts, object), strings):
        assert (strings == other).all()
        assert not (strings != other).any()
    for text in set(texts):
        assert (strings == text).tolist() == [text == one for one in texts]
        assert text in strings
    assert "no such" not in strings
    small = pickle.loads(pickle.dumps(strings[places]))
    assert small.tolist() == [texts[i] for i in places]
    assert len(small.dictionary) <= 7
    assert strings.dictionary.has_nul[strings.codes].tolist() == ["\x00" in text for text in texts]


@pytest.mark.parametrize("seed", range(40))
def test_their_ranks_are_the_order_of_their_bytes(seed):
    texts, strings = made(seed)
    order = sorted({text.encode() for text in texts})
    expected = [order.index(text.encode()) for text in texts]
    assert np.unique(strings.ranks(), return_inverse=True)[1].tolist() == expected


def test_they_go_to_arrow_and_back():
    texts, strings = made(3)
    assert to_arrow(strings).to_pylist() == texts
    assert to_arrow(strings[2:5]).to_pylist() == texts[2:5]
    assert np.shares_memory(np.frombuffer(arrow_dictionary(strings).buffers()[2], "uint8"), strings.dictionary.text)
    words = pa.array(texts)
    kinds = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.large_string())]
    for kind in kinds:
        again = from_arrow(words.cast(kind))
        assert again.tolist() == texts
        assert len(again.dictionary) == len(set(texts))
        assert from_arrow(words.cast(kind)[2:5]).tolist() == texts[2:5]
        assert from_arrow(words.cast(kind)[:0]).tolist() == []
    doubled = pa.DictionaryArray.from_arrays([0, 1, 2], pa.array(["x", "y", "x", "z"]))
    again = from_arrow(doubled)
    assert again.tolist() == ["x", "y", "x"]
    assert again.codes[0] == again.codes[2]
    assert "z" not in again.dictionary.text.tobytes().decode()
    with pytest.raises(pa.ArrowInvalid, match="UTF8"):
        from_arrow(pa.array([b"\xff"]).view(pa.string()))


def test_long_texts_are_read_in_pieces(monkeypatch):
    texts, strings = made(5)
    monkeypatch.setattr(module, "CHUNK", 16)
    pieces = [piece.tobytes() for piece in strings.dictionary.pieces(strings.codes)]
    assert b"".join(pieces) == "".join(texts).encode()
    assert len(pieces) > 3
    assert strings[::3].compact().tolist() == texts[::3]


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="queries must be strings, but entry 1 is 7"):
        RankingLists(np.zeros(2), np.array([0, 1, 2]), ["a", 7], ["x", "y"], np.zeros((2, 0)))
    with pytest.raises(ValueError, match=r"'\\ud800' has half a surrogate pair, which UTF-8 cannot hold"):
        Strings.of(["\ud800"])
    with pytest.raises(ValueError, match="2 strings cannot be compared with 1"):
        _ = Strings.of(["a", "b"]) == Strings.of(["a"])


def test_one_long_id_costs_no_more_than_itself():
    ids = [f"d{i}" for i in range(1000)] + ["x" * 2000]
    lists = RankingLists.from_arrays(np.zeros((1001, 0)), np.zeros(1001), group=[1001], documents=ids)
    assert lists.documents.nbytes < 20_000
    assert lists.documents[-1] == ids[-1]


def test_positions_take_four_bytes_a_document():
    sizes = [7, 0, 1500, 3] * 50
    x = np.zeros((sum(sizes), 0))
    lists = RankingLists.from_arrays(x, group=sizes)
    assert lists.documents.tolist() == [str(i) for size in sizes for i in range(1, size + 1)]
    assert lists.documents.codes.nbytes == 4 * len(x)
    parts = concatenate([lists[:10], lists[10:], RankingLists.from_arrays(x, group=sizes)[:4]])
    assert parts.documents.dictionary is lists.documents.dictionary


def test_fingerprints_do_not_depend_on_the_codes():
    lists = RankingLists.from_arrays(
        np.zeros((4, 0)), [1, 0, 1, 0], group=[2, 2], documents=["a", "bc", "a", "d"], ids={"colour": ["ab", "c"] * 2}
    )
    joined = concatenate(
        [
            lists[:1],
            RankingLists.from_arrays(
                np.zeros((2, 0)), [1, 0], query=["2", "2"], documents=["a", "d"], ids={"colour": ["ab", "c"]}
            ),
        ]
    )
    assert len(joined.documents.dictionary) > len(lists.documents.dictionary)
    assert joined.fingerprint() == lists.fingerprint() == lists[[1, 0]][[1, 0]].fingerprint()
    other = RankingLists.from_arrays(
        np.zeros((4, 0)), [1, 0, 1, 0], group=[2, 2], documents=["ab", "c", "a", "d"], ids={"colour": ["ab", "c"] * 2}
    )
    assert other.fingerprint() != lists.fingerprint()


def test_the_number_of_a_text_is_the_start_of_its_sha_256():
    """As any database computes it: sha256("comedy") = 4109fb0aa5144c0a..."""
    import hashlib

    texts = ["comedy", "plumless", "buckeroo", "", "é"]
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    assert hash_strings(texts).tolist() == [int.from_bytes(d[:8], "little", signed=True) for d in digests]
    assert hash_strings(texts).view("int32").reshape(-1, 2)[0].tolist() == np.frombuffer(digests[0][:8], "<i4").tolist()
    assert hash_strings(["comedy"]).tolist() == [740870767041576451]
