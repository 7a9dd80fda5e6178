"""Runs and qrels are parsed block by block; a block that Arrow is not sure of is read line by line."""

import random

import pytest

from plackett.data import read_trec
from plackett.data.formats import _trec_lines
from plackett.data.formats._trec_lines import QRELS, RUN, lines_of_block, tables_of_lines

GAPS = [" ", "  ", "\t", " \t ", "\v", "\f"]
ENDS = ["\n", "\r\n", " \n", "\n\n", "\n \t\n", "\n# a comment\n", "\n  #x\n"]
NUMBERS = ["1", "+2.5E+1", "-.5e-1", "3.", "00012", "1e-400", "0.1", "20.123456789", "16777215"]


def text_of(source, fields, lines):
    """Lines with gaps, ends and numbers of all kinds."""
    text = source.choice(["", "\ufeff", "# head\n", "\n", "  "])
    for line in range(lines):
        values = [source.choice(["Q0", "#x", "ä", "a\u00a0b", '"', "NA", "null"]) for _ in fields.names]
        values[0], values[2] = f"q{line // 5}", f'd{line}"'
        values[fields.names.index(fields.number)] = source.choice(NUMBERS)
        text += source.choice(GAPS).join(values) + source.choice(ENDS)
    return text


def rows_of_tables(path, fields):
    return [tuple(row.values()) for table in tables_of_lines(path, fields, "utf-8") for row in table.to_pylist()]


@pytest.mark.parametrize("fields", [RUN, QRELS], ids=["run", "qrels"])
@pytest.mark.parametrize("seed", range(10))
def test_blocks_hold_what_their_lines_say(fields, seed, tmp_path, monkeypatch):
    monkeypatch.setattr(_trec_lines, "BLOCK", 200)
    path = tmp_path / "a"
    path.write_text(text_of(random.Random(seed), fields, 60), encoding="utf-8", newline="")
    whole = path.read_bytes().removeprefix("\ufeff".encode())
    expected = [(q, d, value, line) for line, q, d, value in lines_of_block(whole, fields, path, 1)]
    assert len(expected) == 60
    assert rows_of_tables(path, fields) == expected


@pytest.mark.parametrize("text", ["1 Q0 a 1 .5 t\n1 Q0 b 2 1e-3 t\n", "# head\r\n\r\n1\tQ0\ta\t1\t.5  t\r\n"])
def test_usual_lines_are_not_read_one_by_one(text, tmp_path, monkeypatch):
    monkeypatch.setattr(_trec_lines, "lines_of_block", None)
    (tmp_path / "a.run").write_text(text, newline="")
    assert read_trec(tmp_path / "a.run", None).documents.tolist()[0] == "a"


@pytest.mark.parametrize("line", ["1  a 1 .5 t", "1 Q0 a 1 .5 ", " Q0 a 1 .5 t", "1 Q0 a 1 .5 t u"])
def test_an_empty_field_is_no_field(line, tmp_path):
    (tmp_path / "a.run").write_text(f"1 Q0 z 1 .5 t\n{line}\n1 Q0 y 1 .5 t\n")
    with pytest.raises(ValueError, match=r"a\.run, line 2: there must be 6 fields"):
        read_trec(tmp_path / "a.run", None)


def test_errors_name_lines_of_later_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(_trec_lines, "BLOCK", 30)
    lines = [f"1 Q0 d{i} 1 .5 t" for i in range(20)]
    (tmp_path / "a.run").write_text("\n".join([*lines, "1 Q0 d3 1 .5 t"]))
    with pytest.raises(ValueError, match=r"a\.run, line 21, query '1': document 'd3' occurs twice"):
        read_trec(tmp_path / "a.run", None)
    (tmp_path / "a.run").write_text("\n".join([*lines, "1 Q0 e 1 high t"]))
    with pytest.raises(ValueError, match=r"a\.run, line 21: the score must be a number, but got 'high'"):
        read_trec(tmp_path / "a.run", None)
