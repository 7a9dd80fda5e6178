"""Docstrings of plackett as reStructuredText, for autodoc.

They are plain text: a first line, paragraphs, formulas as indented blocks, `code`, doctests, lists, and sections such
as `Args:` and `Cost:`. Nothing else of reStructuredText has a meaning in them.
"""

import re

SECTION = re.compile(r"(Args|Returns|Yields|Raises|Cost|Derivatives|When|References?):(?: (.*))?$")
# Of whose text each entry begins with a name.
WITH_ENTRIES = ("Args", "Raises")
ENTRY = re.compile(r"(\*{0,2}[A-Za-z_][\w.]*(?:, \*{0,2}[A-Za-z_][\w.]*)*): +(.*)$")
ITEM = re.compile(r"(?:-|\d+\.) +")
CODE = re.compile(r"`([^`]+)`")
SPECIAL = re.compile(r"(?<!\w)https?://[^\s,)]+|[\\*|_`]")


def setup(app):
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", _convert)
    return {"parallel_read_safe": True}


def _convert(app, what, name, thing, options, lines):
    lines[:] = to_rest(lines)


def to_rest(lines: list[str]) -> list[str]:
    """The lines of a docstring, without its indentation, as lines of reStructuredText."""
    prose, sections = split_sections(lines)
    fields = []
    for title, text in sections:
        body = entries(text) if title in WITH_ENTRIES else blocks(text)
        fields += [f":{title}:", *indented(body), ""]
    # Sections stand in one list, behind all prose.
    return [*blocks(prose), "", *fields, ""]


def split_sections(lines: list[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """What stands outside of sections, and the sections by their titles."""
    prose, sections, current = [], [], None
    for before, line in zip(["", *lines], lines, strict=False):
        if found := SECTION.match(line):
            current = [found[2]] if found[2] else []
            sections.append((found[1], current))
            is_block = not found[2]
        elif current is None:
            prose.append(line)
        elif line.startswith("    ") and is_block:
            current.append(line[4:])
        elif not line or (not is_block and before):
            current.append(line)  # goes on, wrapped
        else:
            current = None  # a paragraph behind the sections
            prose += ["", line]
    return prose, sections


def entries(lines: list[str]) -> list[str]:
    """`name: text` as a list of definitions; text may go on, indented, in the next lines."""
    done, open_entry = [], None
    for line in [*lines, ""]:
        found = ENTRY.match(line)
        if found or (line and not line.startswith(" ")):
            _close(open_entry, done)
            names, text = (found[1], found[2]) if found else (None, line)
            open_entry = (names, [text])
        elif open_entry:
            open_entry[1].append(line[4:] if line.startswith("    ") else line)
    _close(open_entry, done)
    return done


def _close(entry, done):
    if entry is None:
        return
    names, text = entry
    if names is None:
        done += [*blocks(text), ""]
    else:
        term = ", ".join(f"``{name}``" for name in names.split(", "))
        done += [term, *indented(blocks(text)), ""]


def blocks(lines: list[str]) -> list[str]:
    """Paragraphs, lists, formulas and doctests."""
    done, place = [], 0
    while place < len(lines):
        line = lines[place]
        if not line.strip():
            place += 1
            continue
        if line.startswith(">>>"):
            end = _end(lines, place, lambda each: bool(each.strip()))
            block, language = lines[place:end], "pycon"
        elif line.startswith("    "):
            end = _end(lines, place, lambda each: not each.strip() or each.startswith("    "))
            block, language = [each[4:] for each in lines[place:end]], "text"
        elif ITEM.match(line):
            end = _end(lines, place, lambda each: bool(each.strip()))
            done += [*items(lines[place:end]), ""]
            place = end
            continue
        else:
            end = _end(lines, place, lambda each: bool(each.strip()) and not ITEM.match(each))
            # A line that ends with a colon, with indented lines right below it, heads a list of names.
            heads = next((at for at in range(place, end - 1) if _heads(lines, at)), None)
            text = lines[place:end] if heads is None else lines[place : heads + 1]
            done += [inline(" ".join(each.strip() for each in text)), ""]
            if heads is not None:
                done += [*indented(entries([each[4:] for each in lines[heads + 1 : end]])), ""]
            place = end
            continue
        while block and not block[-1].strip():
            block.pop()
        done += [f".. code-block:: {language}", "", *indented(block), ""]
        place = end
    return done


def _heads(lines, place):
    below = lines[place + 1]
    return lines[place].endswith(":") and below.startswith("    ") and ENTRY.match(below.strip())


def _end(lines, start, goes_on):
    return next((at for at in range(start + 1, len(lines)) if not goes_on(lines[at])), len(lines))


def items(lines: list[str]) -> list[str]:
    """A list, with an item a line and its wrapped lines below it."""
    done = []
    for line in lines:
        if found := ITEM.match(line):
            done.append((found[0], [line[found.end() :]]))
        else:
            done[-1][1].append(line.strip())
    return [each for mark, text in done for each in (mark + inline(" ".join(text)), "")]


def inline(text: str) -> str:
    r"""A paragraph: code is literal, and nothing else has a meaning.

    >>> inline("2^y_i - 1, of `gains`s, with a * b")
    '2^y\\_i - 1, of ``gains``\\ s, with a \\* b'
    """
    done, place = "", 0
    for code in CODE.finditer(text):
        done += escaped(text[place : code.start()])
        done += "" if done[-1:] in ("", " ") else "\\ "
        done += f"``{code[1]}``"
        place = code.end()
        done += "" if text[place : place + 1] in ("", " ") else "\\ "
    return done + escaped(text[place:])


def escaped(text: str) -> str:
    """The text without any markup; addresses stay as they are."""
    return SPECIAL.sub(lambda found: found[0] if len(found[0]) > 1 else "\\" + found[0], text)


def indented(lines: list[str]) -> list[str]:
    """The lines by three places to the right."""
    return [f"   {line}" if line else "" for line in lines]
