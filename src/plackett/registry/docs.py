"""What docstrings say about arguments."""

import inspect
import re
import sys
import textwrap


def argument_texts(doc: str | None) -> dict[str, str]:
    """The entries of the Args section of a docstring: name -> text, on one line.

    >>> argument_texts('''Adds.
    ...
    ...     Args:
    ...         x, y: numbers,
    ...             of any size.
    ...
    ...     Returns:
    ...         The sum.
    ...     ''')
    {'x': 'numbers, of any size.', 'y': 'numbers, of any size.'}
    """
    section = re.search(r"^( *)Args:\n(.*?)(?:\n\s*\n\1\S|\Z)", doc or "", re.DOTALL | re.MULTILINE)
    if section is None:
        return {}
    indent = len(section[1]) + 4
    entries = re.findall(
        rf"^ {{{indent}}}(\w[\w, ]*): (.*?)(?=^ {{{indent}}}\w|\Z)", section[2], re.DOTALL | re.MULTILINE
    )
    return {name.strip(): " ".join(text.split()) for names, text in entries for name in names.split(",")}


def complete(kind: type, base: type, inputs: str) -> None:
    """Adds to the docstring of a class its arguments, from the docstrings of its base and its function, and its inputs.

    Args:
        kind: the class. Its docstring names its function: "`softmax` is the function".
        base: the class whose docstring explains the shared arguments.
        inputs: the text about calling an object.
    """
    doc = inspect.cleandoc(kind.__doc__ or "")
    if not doc or "Args:" in doc:
        return
    named = re.search(r"`(\w+)`\s+is\s+the\s+function", doc)
    function = getattr(sys.modules.get(kind.__module__), named[1], None) if named else None
    texts = argument_texts(base.__doc__) | argument_texts(getattr(function, "__doc__", None))
    lines = [f"{name}: {texts[name]}" for name in inspect.signature(kind).parameters if name in texts]
    wrapped = [textwrap.fill(line, 112, initial_indent=4 * " ", subsequent_indent=8 * " ") for line in lines]
    kind.__doc__ = "\n".join([doc, "", "Args:", *wrapped, "", textwrap.fill(inputs, 116), ""])
