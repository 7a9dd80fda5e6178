"""Text in other encodings and with byte-order marks is read, or refused with the encoding that reads it."""

import gzip
import io

import pytest

from plackett.data import read_letor, read_trec
from plackett.data._streams import blocks_of_lines, open_unpacked

DENSE = "1 qid:ä 1:.5 2:1\n0 qid:ä 1:2 2:3\n"
SPARSE = "1 qid:ä 1:.5 # docid = é\n0 qid:ä 2:3\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("text", [DENSE, SPARSE], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "mark, encoding",
    [
        ("\ufeff", "utf-8"),
        ("", "utf-16"),  # Python writes the mark
        ("\ufeff", "utf-16-be"),
        ("", "utf-16-le"),
        ("", "utf-32"),
        ("", "latin-1"),
        ("", "cp1252"),
    ],
)
def test_letor_of_other_encodings(tmp_path, text, mark, encoding, pack):
    (tmp_path / "plain").write_text(text, encoding="utf-8")
    (tmp_path / "other").write_bytes(pack((mark + text.replace("\n", "\r\n")).encode(encoding)))
    expected, found = read_letor(tmp_path / "plain"), read_letor(tmp_path / "other", encoding=encoding)
    assert found.fingerprint() == expected.fingerprint()
    assert found.queries.tolist() == ["ä"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_trec_of_other_encodings(tmp_path, encoding):
    (tmp_path / "run").write_text("é Q0 a 1 .9 t\n", encoding=encoding)
    (tmp_path / "qrels").write_text("é 0 a 2\n", encoding=encoding)
    lists = read_trec(tmp_path / "run", tmp_path / "qrels", encoding=encoding)
    assert lists.queries.tolist() == ["é"]
    assert lists.labels.tolist() == [2]


def test_group_sizes_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_text("1 1:1\n0 1:2\n")
    (tmp_path / "a.txt.query").write_text("2\n", encoding="utf-8-sig")
    assert read_letor(tmp_path / "a.txt", group_file=tmp_path / "a.txt.query").lengths.tolist() == [2]


@pytest.mark.parametrize(
    "encoding, option",
    [
        ("latin-1", "Latin-1: read it with encoding='latin-1' (--encoding latin-1 on the command line)"),
        ("utf-16", "UTF-16: read it with encoding='utf-16' (--encoding utf-16 on the command line)"),
        ("utf-16-le", "UTF-16: read it with encoding='utf-16-le' (--encoding utf-16-le on the command line)"),
        ("utf-16-be", "UTF-16: read it with encoding='utf-16-be' (--encoding utf-16-be on the command line)"),
        ("utf-32", "UTF-32: read it with encoding='utf-32' (--encoding utf-32 on the command line)"),
    ],
)
@pytest.mark.parametrize("where", ["query", "comment", "run", "qrels"])
def test_errors_name_the_encoding_that_reads_the_text(tmp_path, encoding, option, where):
    run, qrels = tmp_path / "run", tmp_path / "qrels"
    run.write_text("ä Q0 a 1 .9 t\n", encoding=encoding if where == "run" else "utf-8")
    qrels.write_text("ä 0 a 2\n", encoding=encoding if where == "qrels" else "utf-8")
    letor = tmp_path / "a.txt"
    letor.write_text(DENSE if where == "query" else "# ä\n" + DENSE.replace("ä", "1"), encoding=encoding)
    with pytest.raises(ValueError, match="line 1: this is not UTF-8 text") as caught:
        read_letor(letor) if where in ("query", "comment") else read_trec(run, qrels)
    assert str(caught.value).endswith("it looks like " + option)


@pytest.mark.parametrize("read", ["letor", "run", "qrels"])
def test_a_byte_order_mark_inside_of_a_file_is_refused(tmp_path, read):
    """As where two files with one were put together."""
    letor, run, qrels = tmp_path / "letor", tmp_path / "run", tmp_path / "qrels"
    twice = {name: "utf-8-sig" if name == read else "utf-8" for name in ("letor", "run", "qrels")}
    for path, lines in ((letor, DENSE), (run, "1 Q0 a 1 .9 t\n2 Q0 b 1 .8 t\n"), (qrels, "1 0 a 1\n2 0 b 1\n")):
        first, second = lines.splitlines(keepends=True)
        path.write_bytes(first.encode(twice[path.name]) + second.encode(twice[path.name]))
    with pytest.raises(ValueError, match=f"{read}, line 2: there is a byte-order mark inside the file"):
        read_letor(letor) if read == "letor" else read_trec(run, qrels)


def test_a_mark_at_the_beginning_of_a_later_block_is_refused_too(tmp_path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.letor.BLOCK", 1)
    (tmp_path / "a.txt").write_text("1 qid:1 1:1\n\ufeff1 qid:1 1:1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2: there is a byte-order mark"):
        read_letor(tmp_path / "a.txt")


def test_a_nul_character_is_no_sign_of_utf_16(tmp_path):
    for line in ("1 qid:\x001 1:1", "\x00", "\x00" * 9):
        (tmp_path / "a.txt").write_text(f"1 qid:1 1:1\n{line}\n")
        with pytest.raises(ValueError, match="line 2: there is a NUL character"):
            read_letor(tmp_path / "a.txt")


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "", "a\x00", None])
def test_unknown_encodings_are_refused_by_name(tmp_path, encoding):
    (tmp_path / "a.txt").write_text("1 qid:1 1:1\n")
    with pytest.raises(ValueError, match="the encoding must be one that Python knows, such as utf-8, utf-16") as caught:
        read_letor(tmp_path / "a.txt", encoding=encoding)
    assert str(caught.value).endswith(f"but got {encoding!r}")


@pytest.mark.parametrize(
    "content, encoding, wrong",
    [
        (b"a\nb\nc\xe9\n", "ascii", "line 3: this is not ascii text: ordinal not in range"),
        ("a\nb\nc".encode("utf-16-be")[:-1], "utf-16-be", "line 3: this is not utf-16-be text: truncated data"),
        ("\ufeffa\nb\nc".encode("utf-16-be")[:-1], "utf-16", "line 3: this is not utf-16 text: truncated data"),
        ("a\n".encode("utf-16-be"), "utf-16", "without a byte-order mark say utf-16-le or utf-16-be"),
    ],
)
def test_text_that_is_not_in_the_encoding(tmp_path, monkeypatch, content, encoding, wrong):
    (tmp_path / "a.txt").write_bytes(content)
    for chunk in (1, 2, 3, 2**20):
        monkeypatch.setattr("plackett.data._streams.CHUNK", chunk)
        with pytest.raises(ValueError, match=r"a\.txt, line \d: ") as caught:
            list(blocks_of_lines(tmp_path / "a.txt", 4, encoding))
        assert wrong in str(caught.value)


def test_chunks_of_any_size_are_one_text(tmp_path, monkeypatch):
    text = "\ufeffäöü 漢字 😀\n" * 3
    for chunk in (1, 2, 3, 5, 2**20):
        monkeypatch.setattr("plackett.data._streams.CHUNK", chunk)
        for encoding in ("utf-8", "utf-16-le", "utf-7"):
            (tmp_path / "a.txt").write_text(text, encoding=encoding)
            with io.TextIOWrapper(open_unpacked(tmp_path / "a.txt", encoding), "utf-8") as file:
                assert file.read() == text.removeprefix("\ufeff")
