"""Small click logs for tests."""

SHOWN = {  # two sessions of one query, one of another
    "query": ["shoes"] * 4 + ["hats"],
    "session": ["s1", "s1", "s2", "s2", "s3"],
    "document": ["a", "b", "b", "a", "c"],
    "position": [1, 2, 1, 2, 1],
    "click": [0, 1, 1, 0, 0],
}


def changed(**columns):
    """The columns of `SHOWN`, of which these are others, or not there where they are None."""
    return {name: column for name, column in (SHOWN | columns).items() if column is not None}


def csv_of(columns):
    """The text of a CSV file."""
    rows = [",".join(columns)] + [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(rows) + "\n"
